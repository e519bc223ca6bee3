"""The memory artifact: its own fields in `details`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from benchmarks.harness.protocol.memory_report import (
    AllocatorEvents,
    BatchPeak,
    PeakMoment,
    PeakSource,
    Snapshot,
    StepMemory,
    TensorBytes,
)
from benchmarks.harness.protocol.quantities import Amount, Bytes, Count, Line, PositiveBytes, about
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.artifact import Header, MeasuredDetails, UnfinishedDetails


class MemoryShares(Struct, frozen=True, forbid_unknown_fields=True):
    """What the peak consists of. The sum is the peak.

    Parameters, buffers, optimizer state and batch are the sizes of their tensors. Gradients and activations are those
    of `moment`; the peak itself is that of the measured steps.
    """

    parameters: PositiveBytes
    buffers: Bytes
    gradients: Annotated[Bytes, about("those that exist at the moment: few if the backward pass begins there")]
    optimizer_state: Bytes
    batch: Annotated[Bytes, about("as the loader delivers it; what `prepare` makes of it are activations")]
    graph_pools: Annotated[Bytes, about("graph_pool_bytes: what a step makes in CUDA graphs; 0 without them")]
    activations: Annotated[
        Bytes | None,
        about(
            "by difference: what the step has allocated and kept until the moment, without gradients; 16-bit copies of "
            "weights included. null if it is not known, and then part of `other`"
        ),
    ]
    process: Annotated[
        Bytes | None,
        about(
            "on the CPU, by difference: step.before_step.reserved_bytes without the tensors: interpreter, libraries, "
            "data set, what was kept of earlier steps; null on a GPU"
        ),
    ]
    other: Annotated[
        Bytes,
        about(
            "by difference, what is left of the peak: workspaces, temporary tensors, rounding of the allocator; on the "
            "CPU also free memory that malloc holds"
        ),
    ]


class RankMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """The peaks of one rank."""

    rank: Annotated[Count, about("number of the rank, from 0")]
    peak_bytes: PositiveBytes
    peak_reserved_bytes: Annotated[PositiveBytes | None, about("null on the CPU")]
    host_peak_bytes: PositiveBytes


class MemoryDetails(MeasuredDetails, frozen=True, kw_only=True, tag="run"):
    """Details of a memory case that reached its end. All but `ranks` is of the rank with the highest peak."""

    memory_of: Annotated[Literal["device", "process"], about("what peak_bytes counts: allocated by torch, or resident")]
    of_rank: Annotated[Count, about("the rank with the highest peak, the first of them")]
    peak_bytes: Annotated[PositiveBytes, about("in the measured steps, before which it was reset")]
    graph_pool_bytes: Annotated[
        Bytes,
        about("of peak_bytes, what torch reserves for CUDA graphs and does not count as allocated; 0 without them"),
    ]
    peak_source: Annotated[
        PeakSource,
        about(
            "allocator: torch's on the GPU; kernel: VmHWM, which was reset; samples: a thread read the resident memory "
            "every few milliseconds, because the kernel does not reset its own figure"
        ),
    ]
    fragmentation_bytes: Annotated[
        Bytes | None,
        about("peak_reserved_bytes of the rank - peak_bytes: in the cache, in pieces; null on the CPU"),
    ]
    host_peak_bytes: Annotated[
        PositiveBytes, about("peak resident memory of the process, until the end of the measured steps")
    ]
    loader_peak_bytes: Annotated[
        Bytes | None,
        about("sum of the same of its loader processes, pages shared with it included; null if it could not be read"),
    ]
    shares: MemoryShares
    tensors: TensorBytes
    step: StepMemory
    kept_for_backward_bytes: Annotated[
        Bytes | None,
        about("step.forward.allocated_bytes - step.before_step.allocated_bytes, at least 0; null if these are"),
    ]
    moment: Annotated[PeakMoment | None, about("where in a step the peak is; null if it is not known")]
    moment_note: Annotated[Line | None, about("why it is not known")]
    bytes_per_sample: Annotated[
        Amount | None,
        about("difference of the peaks in batch_peaks / that of their samples; null if it is not above 0"),
    ]
    batch_peaks: Annotated[
        list[BatchPeak],
        Meta(
            description="of the case's batch and of another size; empty if there are none",
            max_length=2,
        ),
    ]
    batch_note: Annotated[Line | None, about("why there is no bytes_per_sample")]
    allocator: Annotated[AllocatorEvents | None, about("null on the CPU")]
    snapshot: Annotated[Snapshot | None, about("of rank 0; null if there is none")]
    snapshot_note: Annotated[Line | None, about("why there is none")]
    ranks: Annotated[list[RankMemory], Meta(description="all ranks, in their order", min_length=1)]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class MemoryArtifact(Header, frozen=True, kw_only=True):
    """Memory JSON of one OCR training case."""

    details: MemoryDetails | UnfinishedDetails
