"""The speed artifact: its own fields in `details`, of a run or of a train log."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from benchmarks.harness.protocol.machine_report import MachineDetails
from benchmarks.harness.protocol.quantities import (
    Amount,
    Count,
    Fraction,
    PositiveBytes,
    PositiveCount,
    PositiveRatio,
    PositiveSeconds,
    SamplesPerSecond,
    Seconds,
    TerabytesPerSecond,
    Text,
    Tflops,
    about,
)
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import ProbeReport, ReferenceCheck, WindowReport
from benchmarks.harness.results.artifact import CASE_PATTERN, Header, MeasuredDetails, Provenance, UnfinishedDetails

Losses = Annotated[dict[str, float], Meta(extra_json_schema={"required": ["loss"]})]
Bound = Literal["arithmetic", "memory", "host", "data", "communication"]


class StepSeconds(Struct, frozen=True, forbid_unknown_fields=True):
    """Distribution of the seconds of a step over the measured steps of the slowest rank."""

    mean: PositiveSeconds
    p50: Annotated[PositiveSeconds, about("median")]
    p95: Annotated[PositiveSeconds, about("95th percentile")]
    min: PositiveSeconds
    max: PositiveSeconds
    stdev: Annotated[Seconds, about("sample standard deviation")]


class TimedRank(WindowReport, frozen=True, kw_only=True):
    """One rank of a speed case: what it reported of its measured steps, and what follows from its records."""

    rank: Annotated[Count, about("number of the rank, from 0")]
    measured_seconds: Annotated[PositiveSeconds, about("wall clock of the measured steps")]
    samples: Annotated[PositiveCount, about("of this rank in the measured steps")]
    data_wait_seconds: Annotated[Seconds, about("spent waiting for batches")]
    device_seconds: Annotated[Seconds | None, about("sum over the steps, by events on the GPU; null on the CPU")]
    peak_memory_bytes: Annotated[PositiveBytes, about("memory of the GPU, or of the process on the CPU")]
    peak_reserved_bytes: Annotated[PositiveBytes | None, about("reserved in the measured steps; null on the CPU")]
    run_peak_reserved_bytes: Annotated[PositiveBytes | None, about("since the start of the rank; null on the CPU")]


class RankDetails(TimedRank, frozen=True, kw_only=True):
    """One rank of a speed case that is not a light run."""

    probes: Annotated[ProbeReport, about("what the rank measured after its measured steps")]


R = TypeVar("R", bound=TimedRank, covariant=True)


class Roofline(Struct, frozen=True, forbid_unknown_fields=True):
    """What bounds a step of all ranks, at the rates of matrix products and copies measured right after the steps.

    In a compiled case the operations are those of the eager program, which moves more bytes: the roofline is that of
    the eager program, and a compiled one may exceed it.
    """

    bound_by: Annotated[Bound, about("what takes the largest part of a step (docs/reading-a-result.md)")]
    seconds: Annotated[PositiveSeconds, about("sum over the operations of the longer of arithmetic and memory")]
    fraction: Annotated[PositiveRatio, about("seconds / the mean seconds of a measured step")]
    arithmetic_fraction: Annotated[Amount, about("part of `fraction` in operations bound by arithmetic")]
    memory_fraction: Annotated[Amount, about("part of `fraction` in operations bound by memory")]
    bytes_per_step: Annotated[PositiveBytes, about("read and written by the operations of all ranks")]
    flops_per_step: Annotated[Count, about("of the operations of all ranks")]
    bandwidth_fraction: Annotated[PositiveRatio, about("bytes per second / copy_terabytes_per_second")]
    host_fraction: Annotated[
        PositiveRatio | None, about("seconds to issue a step to an idle GPU, slowest rank / a step; null on the CPU")
    ]


class Scaling(Struct, frozen=True, forbid_unknown_fields=True):
    """Throughput compared with the single-process case of the same batch per process."""

    baseline: Annotated[str, Meta(description="name of the single-process case", pattern=CASE_PATTERN)]
    efficiency: Annotated[
        PositiveRatio, about("throughput / (throughput of the baseline x GPUs); on the CPU / that of the baseline")
    ]


class TimedDetails(MeasuredDetails, Generic[R], frozen=True, kw_only=True):
    """What every speed case that reached its end has, a light run included."""

    measured_seconds: Annotated[PositiveSeconds, about("wall clock of the measured steps, slowest rank")]
    samples: Annotated[PositiveCount, about("of all ranks in the measured steps")]
    step_seconds: StepSeconds
    data_wait_fraction: Annotated[Fraction, about("part of measured_seconds spent waiting for batches, slowest rank")]
    loss_first: Annotated[Losses, about("losses of the first step, warm-up included, first rank")]
    loss_last: Annotated[Losses, about("losses of the last step")]
    achieved_tflops: Annotated[Tflops, about("flops_per_sample x throughput")]
    peak_tflops: Annotated[
        Tflops | None, about("the vendor's dense peak of the precision, all GPUs; null if `device` is not in the table")
    ]
    mfu: Annotated[PositiveRatio | None, about("achieved_tflops / peak_tflops")]
    peak_memory_of: Annotated[Literal["device", "process"], about("what peak_memory_bytes counts")]
    host_synchronisations: Annotated[
        Count | None, about("calls in the measured steps that made a host wait for its GPU; null on the CPU")
    ]
    setup_seconds: Annotated[Seconds, about("from launch to the first step")]
    compile_seconds: Annotated[
        Seconds | None,
        about("of torch.compile until the end of the measured steps, slowest rank; null without it"),
    ]
    first_step_extra_seconds: Annotated[
        Seconds,
        about("what the first step took longer than a median step: compilation, cuDNN's search, loading of kernels"),
    ]
    warmup_seconds: Seconds
    overhead_seconds: Annotated[Seconds, about("total_seconds without warm-up and measured steps")]
    overhead: Annotated[
        dict[str, Seconds], about("part of overhead_seconds -> its seconds, of the first rank, in the order of time")
    ]
    strict_machine: Annotated[bool, about("--ocr-strict-machine: whether any disturbance fails the case")]
    machine: Annotated[
        MachineDetails | None, about("what the machine did during the measured steps; null if it was not observed")
    ]
    power_watts: Annotated[
        Amount | None, about("mean of all GPUs together in the measured steps; null unless all report their energy")
    ]
    joules_per_sample: Annotated[Amount | None, about("energy of all GPUs in the measured steps / samples")]
    rank_spread: Annotated[Fraction, about("1 - fastest / slowest rank's measured_seconds")]
    ranks: Annotated[list[R], Meta(min_length=1)]
    scaling: Annotated[Scaling | None, about("null for one process, or if the baseline was not measured before")]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class LightDetails(TimedDetails[TimedRank], frozen=True, kw_only=True, tag="light_run"):
    """Details of a speed case with `--ocr-light` that reached its end: nothing was measured after the measured steps,
    so nothing shows that the step is right, or what bounds it. The gate refuses it.
    """


class SpeedDetails(TimedDetails[RankDetails], frozen=True, kw_only=True, tag="run"):
    """Details of a speed case that reached its end."""

    matmul_tflops: Annotated[Tflops, about("rate of a large matrix product in the working precision, all ranks")]
    matmul_fraction: Annotated[PositiveRatio, about("achieved_tflops / matmul_tflops")]
    matmul_held_tflops: Annotated[
        Tflops | None, about("rate of matrix products during two seconds, all ranks; null on the CPU")
    ]
    copy_terabytes_per_second: Annotated[
        TerabytesPerSecond, about("copy of a large tensor in the memory of the device, read and written, all ranks")
    ]
    roofline: Annotated[Roofline | None, about("null if the operations of a step could not be counted")]
    traced_synchronisations: Annotated[
        Count | None, about("calls in a few traced steps that made a host wait, of CUDA's own; null if not traced")
    ]
    loader_only_samples_per_second: Annotated[SamplesPerSecond, about("loaders of all ranks without training")]
    step_only_samples_per_second: Annotated[SamplesPerSecond, about("steps of all ranks without loading")]
    exposed_communication_fraction: Annotated[
        Fraction | None,
        about("part of a step by which the exchange of gradients prolongs it: 1 - slowest local step / slowest step"),
    ]
    loader_profile: Annotated[
        dict[str, Seconds] | None, about("rank 0: stage -> seconds per sample; null unless --ocr-profile-loader")
    ]
    reference_check: Annotated[
        ReferenceCheck | None,
        about("of rank 0, or of the first wrong rank; null if the model has no reference figures"),
    ]


class LogDetails(Provenance, frozen=True, kw_only=True, tag="log"):
    """Details of an artifact made from a train log by `python -m benchmarks.analysis_log`."""

    keyword: Annotated[Text, about("precedes a record")]
    model_mode: Annotated[Literal[-1, 0, 1, 2, 3, 4], about("what a record is: --model_mode")]
    rate_scope: Annotated[Literal["process", "global"], about("what a record counts: --rate_scope")]
    processes_counted: Annotated[PositiveCount, about("factor applied to a rate")]
    base_batch_size: Annotated[PositiveCount | None, about("--base_batch_size; null if not given")]
    exclude: Annotated[list[str], about("--exclude: lines that contain one of these are not read")]
    skip_steps: Annotated[Count, about("first records left out")]
    records_found: Annotated[Count, about("records in the log")]
    records_used: Annotated[Count, about("records from which the result was computed")]
    lines_excluded: Annotated[Count, about("lines with the keyword that --exclude left out")]
    lines_without_number: Annotated[Count, about("lines with the keyword but no number that can be read")]
    last_line_dropped: Annotated[bool, about("whether the last line was interrupted in its record")]
    record_units: Annotated[
        dict[str, float],
        about("units of the records -> factor by which a record was multiplied, to be per second or in seconds"),
    ]
    arithmetic_mean: Annotated[float | None, about("result from the arithmetic mean of the records, in UNIT")]
    harmonic_mean: Annotated[
        float | None, about("of the records, per second or in seconds: FINAL_RESULT follows from it if they are rates")
    ]
    record_mean: Annotated[
        float | None, about("arithmetic mean of the records: FINAL_RESULT follows from it if they are times")
    ]
    record_min: Annotated[float | None, about("smallest record; null, as the means, if there is no result")]
    record_max: Annotated[float | None, about("largest record")]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class SpeedArtifact(Header, frozen=True, kw_only=True):
    """Speed JSON of one OCR training case."""

    details: SpeedDetails | LightDetails | UnfinishedDetails | LogDetails
