"""What limits a training step: the work that it has to do, and the rates of the machine."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from benchmarks.harness.protocol.quantities import (
    Bytes,
    Count,
    PositiveBytes,
    PositiveCount,
    PositiveSeconds,
    TerabytesPerSecond,
    Tflops,
    about,
)


class StepWork(Struct, frozen=True, forbid_unknown_fields=True):
    """What the operations of one step of one rank, in eager mode, compute and move; each reads its operands and writes
    its results once. Fewer bytes move if a cache or a compiler keeps results between operations.
    """

    operations: Annotated[PositiveCount, about("number of operations, without views and allocations")]
    flops: Annotated[Count, about("of matrix products, convolutions and attention; a multiply-add counts two")]
    bytes: Annotated[PositiveBytes, about("read and written in the memory of the device")]
    stage_bytes: Annotated[dict[str, Bytes], about("the same by stage: forward, backward, optimizer")]
    arithmetic_bound_flops: Annotated[
        Count, about("of the operations that take longer at matmul_tflops than at copy_terabytes_per_second")
    ]
    memory_bound_bytes: Annotated[Bytes, about("of the other operations")]


class RankLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates of a rank's device, measured after the steps, and the work of a step."""

    copy_terabytes_per_second: Annotated[TerabytesPerSecond, about("copy of a large tensor, read and written")]
    matmul_held_tflops: Annotated[
        Tflops | None, about("rate of matrix products during two seconds, which heat the GPU; null on the CPU")
    ]
    host_step_seconds: Annotated[
        PositiveSeconds | None, about("the host needs to issue a step to an idle GPU; null on the CPU")
    ]
    step_work: Annotated[StepWork | None, about("of rank 0; null for the others, or if it could not be counted")]
