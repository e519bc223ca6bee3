"""The profile artifact: its `details`."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from benchmarks.harness.protocol.profile_report import CommunicationTime, ProfileDetail, RankProfile
from benchmarks.harness.protocol.quantities import Amount, Fraction, Line, PositiveCount, PositiveSeconds, about
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.artifact import Header, MeasuredDetails, UnfinishedDetails


class ProfileDetails(MeasuredDetails, frozen=True, kw_only=True, tag="run"):
    """Details of a profile case that reached its end."""

    profiled_steps: Annotated[PositiveCount, about("steps with the profiler, which follow the measured ones")]
    step_seconds: Annotated[PositiveSeconds, about("of the measured steps, without the profiler; slowest rank")]
    profiled_step_seconds: Annotated[PositiveSeconds, about("of the profiled steps; slowest rank")]
    profiler_overhead: Annotated[
        float, Meta(description="profiled_step_seconds / step_seconds - 1; below 0 if the machine is unsteady", ge=-1)
    ]
    data_wait_fraction: Annotated[Fraction, about("part of the measured steps spent waiting for batches, rank 0")]
    profiled_data_wait_fraction: Annotated[Fraction, about("the same of the profiled steps")]
    operators_per_step: Annotated[Amount, about("rank 0, as all that follows but `ranks`")]
    kernels_per_step: Annotated[Amount | None, about("kernels and copies; null on the CPU, as the next two")]
    launches_per_step: Annotated[Amount | None, about("calls that issue kernels; a graph of them is one")]
    host_waits_per_step: Annotated[Amount | None, about("calls that made the host wait for the GPU")]
    communication: Annotated[CommunicationTime | None, about("null if there is one process")]
    profile: ProfileDetail
    ranks: Annotated[list[RankProfile], Meta(description="of each rank, in their order", min_length=1)]
    trace: Annotated[
        Line | None, about("file next to the artifact, for ui.perfetto.dev; null if it could not be written")
    ]
    trace_problem: Annotated[Line | None, about("why there is no trace; null if there is one")]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class ProfileArtifact(Header, frozen=True, kw_only=True):
    """Profile JSON of one OCR training case."""

    details: ProfileDetails | UnfinishedDetails
