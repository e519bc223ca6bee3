"""What NVML reports of the GPUs of a case, without torch: clocks, throttling, use, and who else uses them."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pynvml

PROCESS_SAMPLES_BUFFER_US = 2_000_000  # NVML keeps the use per process for some seconds


@dataclass(frozen=True)
class ForeignUse:
    """Processes on a GPU that are not of the case. `utilisation_percent` is None if the driver does not report it."""

    processes: int
    memory_bytes: int
    utilisation_percent: float | None


@dataclass(frozen=True)
class GpuSample:
    """One GPU at one moment. None if the driver does not report it."""

    sm_clock_mhz: int | None
    throttle_reasons: int | None
    utilisation_percent: int | None
    temperature_celsius: int | None
    foreign: ForeignUse | None


class GpuWatch:
    """The first `count` GPUs that a process started from here sees."""

    def __init__(self, count: int) -> None:
        self._handles = _visible_handles(count) if count else []

    def sample(self, case_pids: Collection[int]) -> tuple[GpuSample, ...]:
        return tuple(_sample(handle, case_pids) for handle in self._handles)


def _visible_handles(count: int) -> list[Any]:
    """Empty if NVML cannot be used. The order is that of CUDA_VISIBLE_DEVICES."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    entries = list(map(str, range(count))) if visible is None else [each.strip() for each in visible.split(",")]
    try:
        pynvml.nvmlInit()
        return [
            pynvml.nvmlDeviceGetHandleByIndex(int(entry))
            if entry.isdigit()
            else pynvml.nvmlDeviceGetHandleByUUID(entry)
            for entry in entries[:count]
        ]
    except pynvml.NVMLError:
        return []


def _sample(handle: Any, case_pids: Collection[int]) -> GpuSample:
    use = _ask(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    return GpuSample(
        sm_clock_mhz=_ask(lambda: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
        throttle_reasons=_ask(lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),
        utilisation_percent=None if use is None else min(100, use),
        temperature_celsius=_ask(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
        foreign=_foreign_use(handle, case_pids),
    )


def _foreign_use(handle: Any, case_pids: Collection[int]) -> ForeignUse | None:
    """In a container NVML may report process numbers of the host. Then none is known to be of the case, which has one
    process on each GPU: the one with most memory is taken for it.
    """
    found = _ask(lambda: pynvml.nvmlDeviceGetComputeRunningProcesses(handle))
    if found is None:
        return None
    memory = {each.pid: each.usedGpuMemory or 0 for each in found}
    own = set(memory) & set(case_pids) or set(sorted(memory, key=memory.__getitem__)[-1:])
    foreign = set(memory) - own
    use = _process_utilisation(handle) if foreign else {}
    return ForeignUse(
        processes=len(foreign),
        memory_bytes=sum(memory[pid] for pid in foreign),
        utilisation_percent=None if use is None else min(100.0, sum(use.get(pid, 0.0) for pid in foreign)),
    )


def _process_utilisation(handle: Any) -> dict[int, float] | None:
    """Process -> per cent of the multiprocessors over the last two seconds; None if the driver does not report it."""
    since = int(time.time() * 1e6) - PROCESS_SAMPLES_BUFFER_US  # NVML's time stamps are Unix times
    try:
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle, since)
    except pynvml.NVMLError as error:
        return {} if error.value == pynvml.NVML_ERROR_NOT_FOUND else None  # not found: none has worked
    used: dict[int, list[float]] = {}
    for each in samples:
        used.setdefault(each.pid, []).append(each.smUtil)
    return {pid: sum(values) / len(values) for pid, values in used.items()}


def _ask(question: Any) -> Any:
    """The answer of the driver; None if it has none."""
    try:
        return question()
    except pynvml.NVMLError:
        return None
