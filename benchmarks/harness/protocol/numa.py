"""NUMA nodes of this machine, from sysfs."""

from __future__ import annotations

import re
from pathlib import Path

SYSFS = Path("/sys")
NVIDIA = "0x10de"
DISPLAY_CLASS = "0x03"
"""PCI class of GPUs, with and without a display: its first two digits."""


def numa_nodes(sysfs: Path = SYSFS) -> dict[int, frozenset[int]]:
    """Number of a node -> its cores, whether or not this process may use them; nodes without cores are left out."""
    cores = {
        folder.name: _numbers(_text(folder / "cpulist")) for folder in sysfs.glob("devices/system/node/node[0-9]*")
    }
    return {int(name.removeprefix("node")): found for name, found in sorted(cores.items()) if found}


def gpu_numa_nodes(sysfs: Path = SYSFS) -> list[int]:
    """The node of each NVIDIA GPU; -1 for one that the system attributes to none."""
    devices = sorted(sysfs.glob("bus/pci/devices/*"))
    gpus = [
        each for each in devices if _text(each / "vendor") == NVIDIA and _text(each / "class").startswith(DISPLAY_CLASS)
    ]
    texts = [_text(each / "numa_node") for each in gpus]
    return [int(text) if re.fullmatch(r"-?\d+", text) else -1 for text in texts]


def _text(path: Path) -> str:
    """Content of a file in sysfs; empty if it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _numbers(ranges: str) -> frozenset[int]:
    """The numbers of "0-2,4"; none if it is not such a list."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", ranges):
        return frozenset()
    bounds = [part.partition("-") for part in ranges.split(",")]
    return frozenset(number for first, _, last in bounds for number in range(int(first), int(last or first) + 1))
