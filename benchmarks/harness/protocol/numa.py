"""NUMA nodes of this machine, from sysfs."""

from __future__ import annotations

import re
from pathlib import Path

SYSFS = Path("/sys")


def numa_nodes(sysfs: Path = SYSFS) -> dict[int, frozenset[int]]:
    """Number of a node -> its cores, whether or not this process may use them; nodes without cores are left out."""
    cores = {
        folder.name: _numbers(_text(folder / "cpulist")) for folder in sysfs.glob("devices/system/node/node[0-9]*")
    }
    return {int(name.removeprefix("node")): found for name, found in sorted(cores.items()) if found}


def device_node(address: str, sysfs: Path = SYSFS) -> int:
    """The node of a PCI device, such as "0000:3b:00.0" or "00000000:3B:00.0"; -1 if the system does not attribute it to
    one.
    """
    domain, _, slot = address.lower().partition(":")
    text = _text(sysfs / "bus/pci/devices" / f"{domain.lstrip('0').zfill(4)}:{slot}" / "numa_node")
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else -1


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
