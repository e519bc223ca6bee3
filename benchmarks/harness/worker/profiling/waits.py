"""What makes the host wait for the GPU, as CUDA's profiler reports it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchmarks.harness.worker.profiling.events import Event
from benchmarks.harness.worker.profiling.intervals import Interval

RANGE = "ocr: traced steps"
"""Name of the range around recorded steps."""

WAITING_CALLS = ("cudaDeviceSynchronize", "cudaStreamSynchronize", "cudaEventSynchronize", "cudaMemcpy", "cudaFree")
"""Calls of the CUDA runtime that wait for the device. Copies and frees that are issued on a stream have other names."""


def is_waiting_call(name: str) -> bool:
    """Whether a call of the CUDA runtime waits for the device."""
    return name in WAITING_CALLS


def is_pageable_copy(name: str) -> bool:
    """Of memory that is not pinned: the host waits for it."""
    return "Memcpy" in name and "Pageable" in name


def host_waits(events: Iterable[Event], steps: Interval) -> Counter[str]:
    """Name -> number of waits within the steps, whose interval is that of the host: the device runs them later."""
    begin, end = steps
    found: Counter[str] = Counter()
    for each in events:
        if each.kind == "call" and is_waiting_call(each.name) and begin <= each.begin <= end:
            found[each.name] += 1
        if each.kind == "copy" and is_pageable_copy(each.name) and each.begin >= begin:
            found[each.name] += 1
    return found
