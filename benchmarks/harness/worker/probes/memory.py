"""The largest use of memory: of the measured steps, and of the whole run."""

from __future__ import annotations

import resource

import torch

from benchmarks.harness.protocol.reports import MemoryPeaks


class MemoryWatch:
    """Observes the measured steps. To be made right before them: on a GPU it resets torch's own maxima."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._reserved_before = 0
        if device.type == "cuda":
            self._reserved_before = torch.cuda.max_memory_reserved(device)
            torch.cuda.reset_peak_memory_stats(device)

    def peaks(self) -> MemoryPeaks:
        """Until now. On the CPU the peak resident memory of this process, which no one can reset."""
        if self._device.type != "cuda":
            return MemoryPeaks(peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        reserved = torch.cuda.max_memory_reserved(self._device)
        return MemoryPeaks(
            peak_memory_bytes=torch.cuda.max_memory_allocated(self._device),
            peak_reserved_bytes=reserved,
            run_peak_reserved_bytes=max(self._reserved_before, reserved),
        )
