"""Folders that look like /sys of machines with several NUMA nodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def faked_sysfs(folder: Path, nodes: Mapping[int, str] | None = None, devices: Mapping[str, int] | None = None) -> Path:
    """`nodes`: number -> cores, as "0-3,8". `devices`: PCI address -> node."""
    for number, cores in (nodes or {}).items():
        node = folder / "devices/system/node" / f"node{number}"
        node.mkdir(parents=True)
        (node / "cpulist").write_text(f"{cores}\n")
    for address, number in (devices or {}).items():
        device = folder / "bus/pci/devices" / address
        device.mkdir(parents=True)
        (device / "numa_node").write_text(f"{number}\n")
    return folder
