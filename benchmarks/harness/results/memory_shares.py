"""What follows from the figures of a memory case: when it is built, and again for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.harness.protocol.memory_report import BatchPeak, MemoryReport, PeakMoment, StepMemory, TensorBytes
from benchmarks.harness.results.memory_artifact import MemoryDetails, MemoryShares

NO_SLOPE = "the peak does not grow with the batch"


def shares_of(
    peak: int, tensors: TensorBytes, moment: PeakMoment | None, idle_process: int | None, graph_pools: int = 0
) -> MemoryShares:
    """The parts of a peak; their sum is the peak. A step whose peak is lower than the observed one has less of what is
    known by difference.

    `idle_process`: resident memory between two steps, on the CPU; None on a GPU.
    """
    exact = {
        "parameters": tensors.parameters,
        "buffers": tensors.buffers,
        "optimizer_state": tensors.optimizer_state,
        "batch": tensors.batch,
    }
    kept_gradients = 0 if moment is None else moment.gradient_bytes - moment.new_gradient_bytes
    wanted: dict[str, int | None] = {
        **exact,
        "gradients": 0 if moment is None else moment.gradient_bytes,
        "graph_pools": graph_pools,
        "process": None if idle_process is None else idle_process - sum(exact.values()) - kept_gradients,
        "activations": None if moment is None else made_in_step(moment),
    }
    parts: dict[str, Any] = {}
    for name, size in wanted.items():
        parts[name] = None if size is None else min(max(0, size), peak)
        peak -= parts[name] or 0
    return MemoryShares(**parts, other=peak)


def made_in_step(moment: PeakMoment) -> int:
    """Bytes, besides gradients, that the step had made until the moment and still kept."""
    return moment.allocated_bytes - moment.allocated_before_step_bytes - moment.new_gradient_bytes


def idle_process(details: MemoryDetails | MemoryReport) -> int | None:
    """Resident memory of the process between two steps; None on a GPU."""
    return None if details.peak_source == "allocator" else details.step.before_step.reserved_bytes


def kept_for_backward(step: StepMemory) -> int | None:
    """What the forward pass has left allocated."""
    before, after = step.before_step.allocated_bytes, step.forward.allocated_bytes
    return None if before is None or after is None else max(0, after - before)


def bytes_per_sample(peaks: Sequence[BatchPeak]) -> float | None:
    """Slope of the peak over the batch; None if there are not two peaks, or the larger batch has not the higher one."""
    if len(peaks) != 2:
        return None
    one, other = sorted(peaks, key=lambda each: each.samples)
    grown = other.peak_bytes - one.peak_bytes
    return grown / (other.samples - one.samples) if grown > 0 else None
