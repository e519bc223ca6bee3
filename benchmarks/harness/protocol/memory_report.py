"""What each rank of a memory case reports. The same structs become parts of the artifact.

On a GPU memory is that of torch's allocator, on the CPU that of the process.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from benchmarks.harness.protocol.quantities import Bytes, Count, Line, PositiveBytes, PositiveCount, Text, about

PeakSource = Literal["allocator", "kernel", "samples"]
StepPart = Literal["forward", "backward", "optimizer"]


class MemoryReading(Struct, frozen=True, forbid_unknown_fields=True):
    """Memory at one moment, and its peak since the previous one."""

    allocated_bytes: Annotated[
        Bytes | None,
        about("on a GPU by torch; on the CPU by the C library's malloc, for the whole process; null if not glibc"),
    ]
    reserved_bytes: Annotated[Bytes, about("on a GPU what torch holds, its cache included; on the CPU resident memory")]
    peak_bytes: Annotated[
        Bytes, about("largest allocated_bytes on a GPU, largest resident memory on the CPU, in the time that ends here")
    ]


class StepMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """Readings at the end of each part, in a step after the measured ones. Peaks are reset before each part; on the CPU
    what malloc holds but nobody uses is given back first.
    """

    set_up: Annotated[
        MemoryReading,
        about("before the first step; network and optimiser are built. On a GPU the peak is that so far"),
    ]
    before_step: Annotated[MemoryReading, about("before the step, its batch on the device")]
    forward: Annotated[MemoryReading, about("after preparation, network and loss")]
    backward: Annotated[MemoryReading, about("all gradients are there")]
    optimizer: Annotated[MemoryReading, about("at the end of the step, without gradients")]


class TensorBytes(Struct, frozen=True, forbid_unknown_fields=True):
    """Exact sizes, from the tensors on the device: each piece of memory counts once, at the first of its names."""

    parameters: PositiveBytes
    buffers: Annotated[Bytes, about("of network, preparation and loss")]
    gradients: Annotated[Bytes, about("when all of them are there, at the end of the backward pass")]
    optimizer_state: Bytes
    batch: Annotated[Bytes, about("batches of the loader on the device: two on a GPU, used in turns; one on the CPU")]


class PeakMoment(Struct, frozen=True, forbid_unknown_fields=True):
    """The last observed moment at or before the peak, in a step after the measured ones in which every layer and every
    gradient is observed. In a compiled step only the borders of its parts are.
    """

    part: Annotated[StepPart, about("part of the step in which the peak is")]
    place: Annotated[Line, about("layer or parameter at which the moment was observed, or `start`")]
    step_peak_bytes: Annotated[Bytes, about("peak of that step: allocated")]
    allocated_bytes: Annotated[Bytes, about("at that moment")]
    allocated_before_step_bytes: Annotated[Bytes, about("before that step, its batch on the device")]
    gradient_bytes: Annotated[
        Bytes, about("gradients that exist at that moment; with several processes all, in buckets that stay allocated")
    ]
    new_gradient_bytes: Annotated[Bytes, about("of these, what did not exist before the step")]


class BatchPeak(Struct, frozen=True, forbid_unknown_fields=True):
    """Peak of a step on a batch that is on the device, after caches were emptied and a step with the same size."""

    samples: Annotated[PositiveCount, about("of one process")]
    peak_bytes: PositiveBytes


class AllocatorEvents(Struct, frozen=True, forbid_unknown_fields=True):
    """What torch's allocator on a GPU had to do. Retries mean that the memory was nearly full."""

    alloc_retries: Annotated[
        Count,
        about("failed cudaMallocs that were repeated after the cache was emptied, in the measured steps"),
    ]
    out_of_memory_errors: Annotated[Count, about("in the measured steps")]
    run_alloc_retries: Annotated[Count, about("since the start of the rank, until the end of the measured steps")]
    run_out_of_memory_errors: Annotated[Count, about("the same; cuDNN's search survives such errors")]


SNAPSHOT_FILE = "snapshot.pickle"
"""What rank 0 leaves in the folder of the run on a GPU."""


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """A file for PyTorch's memory_viz."""

    file: Annotated[Text, about("its name, next to the artifact")]
    bytes: PositiveBytes
    steps: Annotated[PositiveCount, about("whose allocations it has, if their entries are not more than it may have")]
    entries: Annotated[Count, about("allocations and releases that were recorded")]


class MemoryReport(Struct, frozen=True, kw_only=True):
    """What each rank of a memory case adds. The fields are those of `MemoryDetails`, of the rank with the highest peak.

    Attributes:
        peak_bytes: in the measured steps.
        graph_pool_bytes: of `peak_bytes`, what torch does not count as allocated.
        peak_reserved_bytes: None on the CPU.
        host_peak_bytes: peak resident memory of the process, until the end of the measured steps.
        loader_peak_bytes: sum over its loader processes; None if it could not be read.
    """

    peak_bytes: int
    graph_pool_bytes: int
    peak_source: PeakSource
    peak_reserved_bytes: int | None
    host_peak_bytes: int
    loader_peak_bytes: int | None
    step: StepMemory
    tensors: TensorBytes
    moment: PeakMoment | None
    moment_note: str | None
    allocator: AllocatorEvents | None
    batch_peaks: list[BatchPeak]
    batch_note: str | None
    snapshot: Snapshot | None
    snapshot_note: str | None
