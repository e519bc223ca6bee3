"""The memory that a case is measured by: that of torch's allocator on a GPU, or that of the process on the CPU."""

from __future__ import annotations

import gc
from typing import Protocol

import torch

from benchmarks.harness.protocol.memory_report import AllocatorEvents, MemoryReading, PeakSource
from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.probes.process_memory import (
    ResidentPeak,
    malloc_bytes,
    resident_bytes,
    trim_malloc,
)

DEFAULT_POOL = (0, 0)


class MemoryGauge(Protocol):
    """Reads memory, and its peak since the last `restart`.

    Attributes:
        source: where the peak comes from.
    """

    source: PeakSource

    def release(self) -> None:
        """Give back what an allocator holds and nobody uses, after the device has done its work."""

    def restart(self) -> None:
        """The peak begins at what is used now."""

    def allocated(self) -> int | None:
        """Bytes in use; None if they are not known."""

    def allocated_and_peak(self) -> tuple[int, int] | None:
        """The same with its peak; the latter is what is used now if no peak of it is known. None as before."""

    def read(self) -> MemoryReading: ...

    def peak_reserved(self) -> int | None:
        """None on the CPU."""

    def close(self) -> None: ...


class DeviceGauge:
    """Of torch's allocator on a GPU."""

    source: PeakSource = "allocator"

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def release(self) -> None:
        wait_for(self._device)
        gc.collect()
        torch.cuda.empty_cache()

    def restart(self) -> None:
        torch.cuda.reset_peak_memory_stats(self._device)

    def allocated(self) -> int:
        return torch.cuda.memory_allocated(self._device)

    def allocated_and_peak(self) -> tuple[int, int]:
        found = torch.cuda.memory_stats_as_nested_dict(self._device)["allocated_bytes"]["all"]
        return found["current"], found["peak"]

    def read(self) -> MemoryReading:
        allocated, peak = self.allocated_and_peak()
        return MemoryReading(allocated, torch.cuda.memory_reserved(self._device), peak)

    def peak_reserved(self) -> int:
        return torch.cuda.max_memory_reserved(self._device)

    def close(self) -> None:
        """There is nothing to end."""


class HostGauge:
    """Of this process. Its peak is resident memory, of which malloc never gives back much by itself."""

    def __init__(self) -> None:
        self._peak = ResidentPeak()
        self.source: PeakSource = self._peak.source

    def release(self) -> None:
        gc.collect()
        trim_malloc()

    def restart(self) -> None:
        trim_malloc()
        self._peak.restart()

    def allocated(self) -> int | None:
        return malloc_bytes()

    def allocated_and_peak(self) -> tuple[int, int] | None:
        found = malloc_bytes()
        return None if found is None else (found, found)

    def read(self) -> MemoryReading:
        return MemoryReading(malloc_bytes(), resident_bytes(), self._peak.bytes())

    def peak_reserved(self) -> None:
        return None

    def close(self) -> None:
        self._peak.close()


def graph_pool_bytes(device: torch.device) -> int:
    """Memory of CUDA graphs that torch does not count as allocated: they write to it whenever they are replayed, and
    nobody else can have it.
    """
    segments = torch.cuda.memory_snapshot(include_traces=False)
    return sum(
        each["total_size"] - each["allocated_size"]
        for each in segments
        if each["device"] == device.index and tuple(each["segment_pool_id"]) != DEFAULT_POOL
    )


def gauge_of(device: torch.device) -> MemoryGauge:
    """The gauge of a device."""
    return DeviceGauge(device) if device.type == "cuda" else HostGauge()


class AllocatorWatch:
    """What torch's allocator had to do since now."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = self._counts()

    def events(self) -> AllocatorEvents | None:
        """None on the CPU."""
        if self._device.type != "cuda":
            return None
        retries, errors = self._counts()
        return AllocatorEvents(
            alloc_retries=retries - self._before[0],
            out_of_memory_errors=errors - self._before[1],
            run_alloc_retries=retries,
            run_out_of_memory_errors=errors,
        )

    def _counts(self) -> tuple[int, int]:
        if self._device.type != "cuda":
            return 0, 0
        found = torch.cuda.memory_stats(self._device)
        return int(found.get("num_alloc_retries", 0)), int(found.get("num_ooms", 0))
