"""Folders that look like /sys of machines with several NUMA nodes and GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def faked_sysfs(folder: Path, nodes: Mapping[int, str] | None = None, gpus: Mapping[str, int] | None = None) -> Path:
    """`nodes`: number -> cores, as "0-3,8". `gpus`: PCI address -> node."""
    for number, cores in (nodes or {}).items():
        node = folder / "devices/system/node" / f"node{number}"
        node.mkdir(parents=True)
        (node / "cpulist").write_text(f"{cores}\n")
    for address, number in (gpus or {}).items():
        device = folder / "bus/pci/devices" / address
        device.mkdir(parents=True)
        for name, text in {"vendor": "0x10de", "class": "0x030200", "numa_node": str(number)}.items():
            (device / name).write_text(f"{text}\n")
    return folder
