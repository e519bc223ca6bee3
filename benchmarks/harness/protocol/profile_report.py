"""What a rank reports of its profiled steps. The same structs become parts of the artifact."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from benchmarks.harness.protocol.quantities import (
    Amount,
    Count,
    Fraction,
    Line,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    TerabytesPerSecond,
    Tflops,
    about,
)

Group = Literal[
    "convolution",
    "matmul",
    "normalisation",
    "activation",
    "pooling",
    "resize",
    "attention",
    "LSTM",
    "loss",
    "optimiser",
    "augmentation",
    "copy",
    "communication",
    "fused",
    "other",
]
GROUPS: tuple[Group, ...] = Group.__args__  # type: ignore[attr-defined]

Part = Literal["data", "prepare", "forward", "loss", "backward", "optimizer", "outside"]
"""Of a step; `outside` is what runs in none of the others."""

TRACE_FILE = "trace.json"
"""In the folder of the run, where rank 0 leaves the trace."""

MAX_ROWS = 25
MAX_NAME_LENGTH = 120

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\r\n]+$")]
RowGroup = Annotated[Group, about("kind of work; of a name that has several, the one with the most time")]
CountPerStep = Annotated[Amount, about("how often in a step")]
SecondsPerStep = Annotated[Seconds, about("total in a step; what runs at once counts several times")]
Share = Annotated[Fraction, about("of the busy time; what runs at once shares it in equal parts")]
KnownTflops = Annotated[
    Tflops | None,
    about("of matrix products, convolutions and attention; null if there are none, or unknown"),
]
KnownBandwidth = Annotated[
    TerabytesPerSecond | None,
    about("operands read once and results written once, in its time; null if unknown"),
]


class KernelTime(Struct, frozen=True, forbid_unknown_fields=True):
    """A kernel or a kind of copy of a GPU."""

    name: Annotated[Name, about("as the profiler reports it, shortened")]
    operator: Annotated[Name, about("that issues it; of several the one with the most time")]
    group: RowGroup
    count_per_step: CountPerStep
    seconds_per_step: SecondsPerStep
    share: Share
    tflops: KnownTflops
    terabytes_per_second: KnownBandwidth


class OperatorTime(Struct, frozen=True, forbid_unknown_fields=True):
    """An operator with all that it calls. On a GPU its time is that of its kernels and copies."""

    name: Annotated[Name, about("as the profiler reports it, shortened")]
    group: RowGroup
    count_per_step: CountPerStep
    seconds_per_step: SecondsPerStep
    share: Share
    tflops: KnownTflops
    terabytes_per_second: KnownBandwidth


class RemainingTime(Struct, frozen=True, forbid_unknown_fields=True):
    """All that are not listed, together."""

    names: Annotated[Count, about("number of different names")]
    count_per_step: CountPerStep
    seconds_per_step: SecondsPerStep
    share: Share


class GroupTime(Struct, frozen=True, forbid_unknown_fields=True):
    """The busy time of one kind of work."""

    group: Annotated[Group, about("kind of work; in the backward pass that of the forward operator")]
    seconds_per_step: Annotated[Seconds, about("what runs at once shares its time in equal parts")]
    share: Annotated[Fraction, about("of the busy time")]
    parts: Annotated[dict[Part, Seconds], about("the same seconds by the part of the step that issued the work")]


class Gap(Struct, frozen=True, forbid_unknown_fields=True):
    """A time in which the device did nothing."""

    seconds: PositiveSeconds
    part: Annotated[Part, about("of the step in which the host was in the middle of it")]
    before: Annotated[Name | None, about("operator that ran before it; null if it begins with the window")]
    after: Annotated[Name | None, about("operator that ran after it; null if it ends with the window")]


class Gaps(Struct, frozen=True, forbid_unknown_fields=True):
    """The times in which the device did nothing."""

    least_seconds: Annotated[PositiveSeconds, about("shorter ones are not counted, only their time is")]
    count_per_step: CountPerStep
    seconds_per_step: Annotated[Seconds, about("of all of them, also of the short ones")]
    longest: Annotated[list[Gap], Meta(description="the longest first", max_length=5)]


class CommunicationTime(Struct, frozen=True, forbid_unknown_fields=True):
    """The exchange of gradients of one rank."""

    seconds_per_step: Annotated[Seconds, about("in which a collective runs, waiting for other ranks included")]
    overlapped_seconds_per_step: Annotated[Seconds, about("part of it in which the device also computes")]


class ProfileDetail(Struct, frozen=True, forbid_unknown_fields=True):
    """The profiled steps of rank 0, in detail."""

    groups: list[GroupTime]
    top_kernels: Annotated[list[KernelTime], Meta(description="most time first; empty on the CPU", max_length=MAX_ROWS)]
    other_kernels: RemainingTime
    top_operators: Annotated[list[OperatorTime], Meta(description="most time first", max_length=MAX_ROWS)]
    other_operators: RemainingTime
    gaps: Gaps


class RankProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """The profiled steps of one rank."""

    rank: Annotated[Count, about("number of the rank, from 0")]
    profiled_seconds: Annotated[PositiveSeconds, about("of the steps, to the end of their work on the device")]
    busy_seconds: Annotated[
        Seconds, about("of them in which a kernel or a copy ran on any stream; on the CPU an operator in any thread")
    ]
    busy_fraction: Annotated[Fraction, about("busy_seconds / profiled_seconds")]
    data_wait_seconds: Annotated[Seconds, about("of the profiled steps")]
    operators_per_step: Annotated[Amount, about("operators that no other operator calls")]
    kernels_per_step: Annotated[Amount | None, about("kernels and copies; null on the CPU, as the next two")]
    launches_per_step: Annotated[Amount | None, about("calls that issue kernels; a graph of them is one")]
    host_waits_per_step: Annotated[Amount | None, about("calls that made the host wait for the GPU")]
    communication: Annotated[CommunicationTime | None, about("null if there is one process")]


class ProfileReport(Struct, frozen=True):
    """What one rank sends.

    Attributes:
        profile: its figures.
        detail: of rank 0; None on the others.
        steps: that were profiled.
        trace_problem: why rank 0 leaves no trace; None if it does.
    """

    profile: RankProfile
    detail: ProfileDetail | None
    steps: PositiveCount
    trace_problem: Line | None = None
