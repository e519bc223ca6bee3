"""Which events of CUDA's profiler are waits of the traced steps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch.autograd.profiler_util import FunctionEvent

from benchmarks.harness.worker.probes.trace import profiled_waits
from benchmarks.harness.worker.profiling.waits import RANGE
from profiler_events import event


def waits(*events: FunctionEvent) -> dict[str, int] | None:
    profiler: Any = SimpleNamespace(events=lambda: list(events))
    found = profiled_waits(profiler)
    return None if found is None else dict(found)


def test_waits_within_the_steps_are_counted_and_that_after_them_is_not() -> None:
    kernel, steps = event("gemm", 120, 400, on_gpu=True), event(RANGE, 100, 300)
    during, after = event("cudaStreamSynchronize", 150, 160), event("cudaDeviceSynchronize", 310, 420)
    assert waits(steps, kernel, during, after) == {"cudaStreamSynchronize": 1}


def test_the_steps_are_those_of_the_host_not_of_the_gpu_which_runs_them_later() -> None:
    on_gpu, steps, kernel = (
        event(RANGE, 99, 420, on_gpu=True),
        event(RANGE, 100, 300),
        event("gemm", 99, 420, on_gpu=True),
    )
    after = event("cudaDeviceSynchronize", 310, 420)
    assert waits(on_gpu, steps, kernel, after) == {}


def test_copies_of_pageable_memory_are_waits() -> None:
    steps, kernel = event(RANGE, 100, 300), event("gemm", 120, 400, on_gpu=True)
    pinned = event("Memcpy HtoD (Pinned -> Device)", 130, 140, on_gpu=True)
    pageable = event("Memcpy HtoD (Pageable -> Device)", 150, 160, on_gpu=True)
    assert waits(steps, kernel, pinned, pageable) == {"Memcpy HtoD (Pageable -> Device)": 1}


def test_a_profiler_without_kernels_shows_nothing() -> None:
    assert waits(event(RANGE, 100, 300), event("cudaStreamSynchronize", 150, 160)) is None
