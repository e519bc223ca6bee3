"""What the machine did during the measured window, as seen from outside the ranks. Parts of the artifact."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from benchmarks.harness.protocol.gpu_report import GpuReport
from benchmarks.harness.protocol.quantities import (
    Amount,
    Bytes,
    Count,
    Fraction,
    Line,
    PositiveCount,
    PositiveRatio,
    PositiveSeconds,
    Seconds,
    about,
)


class Pressure(Struct, frozen=True, forbid_unknown_fields=True):
    """Pressure stall information: part of the time in which tasks waited for a resource."""

    some: Annotated[Fraction, about("at least one task")]
    full: Annotated[Fraction, about("all tasks at once")]


class Pressures(Struct, frozen=True, forbid_unknown_fields=True):
    """Null if the kernel does not report it."""

    scope: Annotated[
        Literal["control_group", "system"], about("whose tasks: those of the ranks' control group, or all")
    ]
    cpu: Pressure | None
    io: Pressure | None
    memory: Pressure | None


class Pause(Struct, frozen=True, forbid_unknown_fields=True):
    """The measured step that exceeds the median step of its rank most."""

    rank: Annotated[Count, about("number of the rank")]
    step: Annotated[PositiveCount, about("from 1, warm-up steps included")]
    seconds: Annotated[Seconds, about("of this step")]
    median_seconds: Annotated[Seconds, about("of the measured steps of the rank")]
    data_wait_seconds: Annotated[Seconds, about("part of it spent waiting for the batch")]
    busy_cores: Annotated[
        Amount | None, about("cores that the processes of the case used meanwhile; null if it was too short to be seen")
    ]
    gpu_busy: Annotated[bool | None, about("whether a GPU of the case worked meanwhile; null if that is not known")]


class Freeze(Struct, frozen=True, forbid_unknown_fields=True):
    """The longest time in which a step was held up because processes of the case were stopped from outside."""

    seconds: Annotated[PositiveSeconds, about("of the longest freeze, as far as the step exceeds the fastest one")]
    total_seconds: Annotated[PositiveSeconds, about("of all freezes in the window")]
    step: Annotated[PositiveCount, about("the step that it held up, of the lowest rank of this node")]
    seen: Annotated[Line, about("what was seen to stop")]


class MachineReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was sampled on the machine of node 0 during the measured window. Null if the system does not report it. The
    GPUs are those of all nodes.
    """

    observed_seconds: Annotated[
        PositiveSeconds, about("between the samples around the window, to which all figures apply")
    ]
    samples: Annotated[PositiveCount, about("number of samples in that time")]
    affinity_cores: Annotated[PositiveCount, about("cores to which the processes are bound")]
    quota_cores: Annotated[PositiveRatio | None, about("least CPU quota of all control groups; null without a quota")]
    available_cores: Annotated[PositiveRatio, about("the lower of both")]
    case_cpu_seconds: Annotated[Seconds, about("CPU seconds of the ranks and of their loader processes")]
    case_cpu_fraction: Annotated[Amount, about("case_cpu_seconds / (observed_seconds x available_cores)")]
    foreign_cores: Annotated[
        Amount | None, about("mean number of those cores that processes used which are not of the case or of pytest")
    ]
    pytest_cores: Annotated[Amount, about("mean number of cores that the pytest process used, its plugins included")]
    idle_cores: Annotated[Amount | None, about("mean number of those cores that did nothing")]
    steal_fraction: Annotated[Fraction | None, about("part of those cores' time that the hypervisor took")]
    iowait_fraction: Annotated[Fraction | None, about("part of those cores' time idle while a task waited for a disk")]
    load_average: Annotated[Amount | None, about("highest load average over one minute, all tasks of the machine")]
    involuntary_switches: Annotated[Count, about("of the threads of the ranks: others took their core")]
    major_faults: Annotated[Count, about("page faults of the ranks that waited for a disk")]
    swapped_in_bytes: Annotated[Bytes | None, about("memory that the machine read back from swap")]
    pressure: Pressures
    throttled_periods: Annotated[
        Count | None, about("quota periods in which processes were stopped; null without quota")
    ]
    throttled_period_fraction: Annotated[Fraction | None, about("part of the quota periods")]
    throttled_seconds: Annotated[Seconds | None, about("for how long, all cores together")]
    longest_watch_gap_seconds: Annotated[Seconds, about("longest time in which pytest, which watches, did not run")]
    freeze: Annotated[Freeze | None, about("null if nothing was stopped for a second or longer")]
    stopped_fraction: Annotated[Fraction, about("part of the window in which a process of the case was stopped")]
    longest_pause: Annotated[Pause | None, about("null with a single step")]
    gpus: Annotated[
        list[GpuReport], about("of the ranks on all nodes, those that NVML does not know left out; empty on the CPU")
    ]


class MachineDetails(MachineReport, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The report, and whether the result can be one of this machine at rest."""

    verdict: Annotated[Literal["quiet", "disturbed"], about("made from these figures, never from the result")]
    reasons: Annotated[list[Line], about("why it is disturbed, a line each")]
