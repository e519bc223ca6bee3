"""The figures of /proc that the samples are made of. Whatever cannot be read is None, or missing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
READ_BYTES = 2**16
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STOPPED_STATES = ("T", "t")  # by a signal, or by a debugger


@dataclass(frozen=True)
class CpuTimes:
    """Seconds since the start of the machine, summed over some cores."""

    busy: float
    idle: float
    iowait: float
    steal: float


@dataclass(frozen=True)
class ProcessTimes:
    """One process.

    Attributes:
        state: one letter, as in `ps`.
        own_cpu_seconds: of the process.
        cpu_seconds: of the process and of those of its children that have ended.
    """

    state: str
    own_cpu_seconds: float
    cpu_seconds: float
    major_faults: int


def cpu_times(cores: Iterable[int], proc: Path = PROC) -> CpuTimes | None:
    """Of these cores. "busy" is everything but idle, iowait and steal; guests are part of user and nice."""
    names = {f"cpu{core}" for core in cores}
    rows = [
        fields[1:9] for line in _text(f"{proc}/stat").splitlines() if (fields := line.split()) and fields[0] in names
    ]
    if not rows or any(len(row) < 8 for row in rows):
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = (
        sum(map(int, column)) / TICKS for column in zip(*rows, strict=True)
    )
    return CpuTimes(busy=user + nice + system + irq + softirq, idle=idle, iowait=iowait, steal=steal)


def load_average(proc: Path = PROC) -> float | None:
    """Over one minute."""
    first = _text(f"{proc}/loadavg").split()[:1]
    return float(first[0]) if first else None


def pressure_seconds(file: Path) -> tuple[float, float] | None:
    """Seconds in which some, and in which all tasks waited. Lines: `some avg10=1.43 avg60=1.19 avg300=5.9 total=27`."""
    totals = {}
    for line in _text(str(file)).splitlines():
        kind, _, total = line.partition(" ")[0], *line.rpartition("total=")[1:]
        if total.isdecimal():
            totals[kind] = int(total) / 1e6
    return (totals["some"], totals.get("full", 0.0)) if "some" in totals else None


def swapped_in_bytes(proc: Path = PROC) -> int | None:
    """Since the start of the machine."""
    for line in _text(f"{proc}/vmstat").splitlines():
        name, _, pages = line.partition(" ")
        if name == "pswpin" and pages.isdecimal():
            return int(pages) * PAGE_BYTES
    return None


def process_times(pid: int, proc: Path = PROC) -> ProcessTimes | None:
    """None if the process is gone."""
    fields = _text(f"{proc}/{pid}/stat").rpartition(") ")[2].split()  # the name before may contain anything
    if len(fields) < 15:
        return None
    user, system, of_children, system_of_children = (int(field) / TICKS for field in fields[11:15])
    own = user + system
    return ProcessTimes(
        state=fields[0],
        own_cpu_seconds=own,
        cpu_seconds=own + of_children + system_of_children,
        major_faults=int(fields[9]),
    )


def involuntary_switches(pid: int, proc: Path = PROC) -> int:
    """Of all threads that a process has now."""
    total = 0
    for thread in _threads(pid, proc):
        _, _, count = _text(f"{proc}/{pid}/task/{thread}/status").rpartition("nonvoluntary_ctxt_switches:")
        total += int(count) if count.strip().isdecimal() else 0
    return total


def process_tree(pid: int, proc: Path = PROC) -> list[int]:
    """A process and its descendants. A child belongs to the thread that started it."""
    found, unseen = [], [pid]
    while unseen:
        each = unseen.pop()
        found.append(each)
        for thread in _threads(each, proc):
            children = _text(f"{proc}/{each}/task/{thread}/children").split()
            unseen.extend(child for child in map(int, children) if child not in found)
    return found


def _threads(pid: int, proc: Path) -> list[str]:
    try:
        return os.listdir(f"{proc}/{pid}/task")  # noqa: PTH208  # names are enough, and it is called often
    except OSError:
        return []


def _text(path: str) -> str:
    """Empty if it cannot be read. Without pathlib and buffers: a sample reads a hundred files and must be cheap."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        parts = []
        while part := os.read(descriptor, READ_BYTES):
            parts.append(part)
        return b"".join(parts).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
