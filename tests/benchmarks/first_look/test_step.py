"""The figures of a step, from what a profiler reports of a GPU."""

from __future__ import annotations

from torch.autograd.profiler_util import Kernel

from benchmarks.first_look.step import device_work
from profiler_events import event


def test_ranges_and_operations_of_the_host_are_no_work_of_the_device() -> None:
    operation = event("aten::mm", 0, 20)
    operation.kernels.append(Kernel("gemm", 0, 300))
    events = [
        operation,
        event("forward", 90, 900, annotation=True),
        event("forward", 100, 1000, on_gpu=True, annotation=True),  # a range that the steps name
        event("gemm", 100, 400, on_gpu=True),
        event("Memcpy HtoD (Pinned -> Device)", 300, 500, on_gpu=True),  # on another stream, at the same time
        event("relu", 600, 700, on_gpu=True),
    ]
    assert device_work(events) == (3, 0.5)


def test_a_device_without_work_is_not_busy() -> None:
    assert device_work([event("aten::mm", 0, 20)]) == (0, 0.0)
