"""Which processes on a GPU are not of the case, and how much of it they use."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pynvml

from benchmarks.harness.controller.machine.nvml import NOT_AVAILABLE, Gpu, answer

PROCESS_SAMPLES_BUFFER_US = 2_000_000  # NVML keeps the use per process for some seconds
LISTS = ("Compute", "MPSCompute", "Graphics")
MPS_SERVER = "nvidia-cuda-mps"  # begins the names of its processes; it computes for its clients, which are listed
FIRST_NAMESPACE = 0xEFFFFFFC  # inode of the first process namespace, a constant of Linux


@dataclass(frozen=True)
class ForeignUse:
    """Processes on a GPU that are not of the case. None if the driver does not report it."""

    processes: int
    memory_bytes: int | None
    utilisation_percent: float | None


@dataclass(frozen=True)
class _Entry:
    """A process on a GPU. In a container its number may be that of the host, or 0."""

    pid: int
    memory_bytes: int | None


@dataclass(frozen=True)
class Ours:
    """What is known of the processes of the case.

    Attributes:
        rank_pid: the rank on the GPU.
        case_pids: of all processes of the case; called if the GPU has others than the rank.
        before: processes that were on a GPU before the ranks were.
    """

    rank_pid: int
    case_pids: Callable[[], Collection[int]]
    before: Collection[int]


def pids_on(gpus: Iterable[Gpu]) -> set[int]:
    """The processes on any of them."""
    return {each.pid for gpu in gpus for each in _entries(gpu) or ()}


def foreign_use(gpu: Gpu, ours: Ours) -> ForeignUse | None:
    """None if the driver does not list the processes."""
    entries = _entries(gpu)
    if entries is None:
        return None
    foreign = [each for each in _foreign(entries, ours) if not _is_mps_server(each.pid)]
    use = _process_utilisation(gpu) if foreign else {}
    memory = [each.memory_bytes for each in foreign if each.memory_bytes is not None]
    return ForeignUse(
        processes=len(foreign),
        memory_bytes=sum(memory) if len(memory) == len(foreign) else None,
        utilisation_percent=None
        if use is None
        else min(100.0, math.fsum(use.get(pid, 0.0) for pid in {each.pid for each in foreign})),
    )


def _entries(gpu: Gpu) -> list[_Entry] | None:
    """A process may compute and draw; programs that only draw, and clients of MPS, have lists of their own."""
    lists = [_list(gpu, kind) for kind in LISTS]
    if lists[0] is None:
        return None
    entries: list[_Entry] = []
    for each in lists:
        known = {entry.pid for entry in entries}
        entries += [_entry(process) for process in each or () if process.pid not in known]
    return entries


def _list(gpu: Gpu, kind: str) -> Any:
    """Drivers before 510 have only the second version of these functions."""
    name = f"nvmlDeviceGet{kind}RunningProcesses"
    found = gpu.ask(name)
    return gpu.ask(f"{name}_v2") if found is None else found


def _entry(process: Any) -> _Entry:
    memory = process.usedGpuMemory
    return _Entry(process.pid, None if memory in NOT_AVAILABLE else memory)


def _foreign(entries: list[_Entry], ours: Ours) -> list[_Entry]:
    pids = {each.pid for each in entries}
    if ours.rank_pid in pids or _in_first_namespace():
        others = pids - {ours.rank_pid}
        known = {ours.rank_pid, *(ours.case_pids() if others else ())}
        return [each for each in entries if each.pid not in known]
    # In a container the numbers are those of the host. The case has one process on each GPU, which came after the
    # launch: the one with most memory is taken for it.
    new = [each for each in entries if each.pid not in ours.before]
    own = max(new, key=lambda each: each.memory_bytes or 0, default=None)
    return [each for each in entries if each is not own]


def _in_first_namespace() -> bool:
    """Whether this process has the same number for the driver as for itself."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino == FIRST_NAMESPACE
    except OSError:
        return False


def _is_mps_server(pid: int) -> bool:
    name = answer("nvmlSystemGetProcessName", pid)
    return isinstance(name, str) and Path(name).name.startswith(MPS_SERVER)


def _process_utilisation(gpu: Gpu) -> dict[int, float] | None:
    """Process -> per cent of the multiprocessors over the last two seconds; None if the driver does not report it."""
    since = int(time.time() * 1e6) - PROCESS_SAMPLES_BUFFER_US  # NVML's time stamps are Unix times
    try:
        samples = pynvml.nvmlDeviceGetProcessUtilization(gpu.own, since)
    except pynvml.NVMLError as error:
        # Not found, or success without samples, for which pynvml has no other way: none has worked.
        return {} if error.value in (pynvml.NVML_ERROR_NOT_FOUND, pynvml.NVML_SUCCESS) else None
    except Exception:  # a function that an old driver lacks
        return None
    used: dict[int, list[int]] = {}
    for each in samples:
        used.setdefault(each.pid, []).append(min(100, each.smUtil))
    return {pid: sum(values) / len(values) for pid, values in used.items()}
