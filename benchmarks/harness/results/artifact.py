"""The artifact: the ten fields of the contract, then a measurement's own fields, then `details`.

These types are the single source: the schemas and docs/artifact.md are generated from them (`python -m
benchmarks.schemas`). `details.source` says which of its types `details` has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from benchmarks.cases import Precision, RunMode
from benchmarks.harness.protocol.compile_modes import CompileMode
from benchmarks.harness.protocol.machine_report import MachineDetails
from benchmarks.harness.protocol.quantities import (
    Amount,
    Count,
    Flops,
    Fraction,
    Pixels,
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
from benchmarks.harness.protocol.reports import (
    DataDescription,
    Environment,
    MemoryFormat,
    PrecisionSettings,
    ReferenceCheck,
    SpeedReport,
)
from benchmarks.harness.protocol.training import Shape
from benchmarks.harness.results.gradient_scaling import GradientScaling
from benchmarks.harness.results.training_details import RankTraining

SCHEMA_VERSION = 1
"""To be raised with every change of a field after a release: schemas are strict."""

CASE_PATTERN = r"^[a-z0-9]+_(sp|mp)_bs[1-9][0-9]*_(fp32|tf32|fp16|bf16)(_compile)?_(cpu)?[1-9][0-9]*$"

Losses = Annotated[dict[str, float], Meta(extra_json_schema={"required": ["loss"]})]
CurvePoint = Annotated[dict[str, float], Meta(extra_json_schema={"required": ["step", "loss"]})]
ScorePoint = Annotated[dict[str, float], Meta(extra_json_schema={"required": ["step", "training_seconds"]})]
Bound = Literal["arithmetic", "memory", "host", "data", "communication"]
UtcTime = Annotated[datetime, Meta(tz=True)]


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ten fields, first and in this order in every artifact."""

    log_file: Annotated[Text, about("path of the train log, relative if it is below the project root")]
    model_name: Annotated[str, Meta(description="repository, model, batch size, precision", pattern=r"^\S+$")]
    mission_name: Annotated[Text, about("OCR")]
    direction_id: Annotated[Literal[0, 1, 2], about("0 CV, 1 NLP, 2 Rec")]
    run_mode: Annotated[RunMode, about("sp: one process; mp: one process per GPU")]
    index: Annotated[int, about("1 speed, 2 memory, 3 profile, 4 convergence, 6 largest batch")]
    gpu_num: Annotated[Count, about("number of GPUs; 0 on the CPU")]
    FINAL_RESULT: Annotated[float, Meta(description="three decimals; 0 if the case failed", ge=0)]
    JOB_FAIL_FLAG: Annotated[Literal[0, 1], about("1 until everything else is known to be good")]
    UNIT: Annotated[Text, about("of FINAL_RESULT")]


class Provenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="source"):
    """Which program wrote the artifact, and when."""

    schema_version: Annotated[PositiveCount, about("version of this format")]
    suite_version: Annotated[Text, about("version of this project")]
    run_id: Annotated[str, Meta(description="unique per artifact", pattern="^[0-9a-f]{32}$")]
    started_at: Annotated[UtcTime, about("UTC")]
    finished_at: Annotated[UtcTime | None, about("UTC; null while the case runs")]


class PlanDetails(Provenance, frozen=True, kw_only=True):
    """Known before the first step."""

    case: Annotated[str, Meta(description="name of the case", pattern=CASE_PATTERN)]
    precision_requested: Annotated[Precision, about("of the case")]
    compile: Annotated[bool, about("whether the step goes through torch.compile")]
    compile_mode: Annotated[CompileMode | None, about("--ocr-compile-mode; null without compilation")]
    image_size: Annotated[Pixels | None, about("side of the training image; null if the model has a fixed input size")]
    warmup_steps: Annotated[Count, about("steps before the measured ones")]
    warmup_steps_requested: Annotated[Count | None, about("--ocr-warmup; null if not given. A case may need more")]
    measured_steps: Annotated[PositiveCount, about("steps to be measured")]
    batch_size_per_process: Annotated[PositiveCount, about("samples per step of one rank")]
    nodes: Annotated[PositiveCount, about("number of machines")]
    processes: Annotated[PositiveCount, about("ranks on all nodes")]
    threads_per_process: Annotated[PositiveCount, about("of torch's operators")]
    loader_workers_per_process: Annotated[Count, about("loader processes")]
    seed: Annotated[Count, about("of weights, order of samples and augmentation")]
    data_source: Annotated[Literal["synthetic", "files"], about("synthetic set, or --ocr-data")]
    image_cache: Annotated[Literal["none", "decoded"], about("--ocr-image-cache")]


class UnfinishedDetails(PlanDetails, frozen=True, kw_only=True, tag="unfinished_run"):
    """Details of a case that did not reach its end."""

    steps_done: Annotated[Count, about("steps of this run, warm-up included")]
    total_seconds: Annotated[Seconds, about("from launch to end")]
    failure: Annotated[Failure, about("why there is no result")]


class MeasuredDetails(PlanDetails, frozen=True, kw_only=True):
    """What the ranks report of themselves, whatever was measured."""

    total_seconds: Annotated[PositiveSeconds, about("from launch to end of this run")]
    peak_memory_bytes: Annotated[
        PositiveBytes,
        about("of the rank that used most: on a GPU allocated in the measured steps, on the CPU all"),
    ]
    peak_reserved_bytes: Annotated[
        PositiveBytes | None, about("what torch had reserved on a GPU in the measured steps; null on the CPU")
    ]
    run_peak_reserved_bytes: Annotated[
        PositiveBytes | None,
        about("the same since the start of the rank, warm-up and compilation included: what must fit on the GPU"),
    ]
    gradient_bytes: Annotated[PositiveBytes, about("gradients of one process, averaged over the ranks in each step")]
    flops_per_sample: Annotated[Flops, about("forward and backward; a multiply-add counts two")]
    precision: Annotated[PrecisionSettings, about("arithmetic that torch really uses")]
    memory_format: Annotated[
        MemoryFormat | None,
        about("of the network's weights and inputs, as observed; null if none of them has more than one format"),
    ]
    device: Annotated[Text, about("GPU or processor")]
    data: Annotated[DataDescription, about("the training split")]
    environment: Annotated[Environment, about("versions and hardware")]
    rank_differences: Annotated[
        dict[str, list[str]], about("fields above that differ between ranks -> value of each rank; empty if none does")
    ]
    first_layer_shape: Annotated[
        Shape | None,
        about("what arrives where the network first applies its parameters, for one sample; null if nothing does"),
    ]
    gradient_scaling: Annotated[GradientScaling | None, about("of fp16's gradient scaler; null in other precisions")]
    training: Annotated[list[RankTraining], Meta(description="of each rank, in their order", min_length=1)]


class StepSeconds(Struct, frozen=True, forbid_unknown_fields=True):
    """Distribution of the seconds of a step over the measured steps of the slowest rank."""

    mean: PositiveSeconds
    p50: Annotated[PositiveSeconds, about("median")]
    p95: Annotated[PositiveSeconds, about("95th percentile")]
    min: PositiveSeconds
    max: PositiveSeconds
    stdev: Annotated[Seconds, about("sample standard deviation")]


class RankDetails(SpeedReport, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rank of a speed case: what it reported, and what follows from its records."""

    rank: Annotated[Count, about("number of the rank, from 0")]
    measured_seconds: Annotated[PositiveSeconds, about("wall clock of the measured steps")]
    samples: Annotated[PositiveCount, about("of this rank in the measured steps")]
    data_wait_seconds: Annotated[Seconds, about("spent waiting for batches")]
    device_seconds: Annotated[Seconds | None, about("sum over the steps, by events on the GPU; null on the CPU")]
    peak_memory_bytes: Annotated[PositiveBytes, about("memory of the GPU, or of the process on the CPU")]
    peak_reserved_bytes: Annotated[PositiveBytes | None, about("reserved in the measured steps; null on the CPU")]
    run_peak_reserved_bytes: Annotated[PositiveBytes | None, about("since the start of the rank; null on the CPU")]


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


class SpeedDetails(MeasuredDetails, frozen=True, kw_only=True, tag="run"):
    """Details of a speed case that reached its end."""

    measured_seconds: Annotated[PositiveSeconds, about("wall clock of the measured steps, slowest rank")]
    samples: Annotated[PositiveCount, about("of all ranks in the measured steps")]
    step_seconds: StepSeconds
    data_wait_fraction: Annotated[Fraction, about("part of measured_seconds spent waiting for batches, slowest rank")]
    loss_first: Annotated[Losses, about("losses of the first step, warm-up included, first rank")]
    loss_last: Annotated[Losses, about("losses of the last step")]
    achieved_tflops: Annotated[Tflops, about("flops_per_sample x throughput")]
    matmul_tflops: Annotated[Tflops, about("rate of a large matrix product in the working precision, all ranks")]
    matmul_fraction: Annotated[PositiveRatio, about("achieved_tflops / matmul_tflops")]
    matmul_held_tflops: Annotated[
        Tflops | None, about("rate of matrix products during two seconds, all ranks; null on the CPU")
    ]
    copy_terabytes_per_second: Annotated[
        TerabytesPerSecond, about("copy of a large tensor in the memory of the device, read and written, all ranks")
    ]
    peak_tflops: Annotated[
        Tflops | None, about("the vendor's dense peak of the precision, all GPUs; null if `device` is not in the table")
    ]
    mfu: Annotated[PositiveRatio | None, about("achieved_tflops / peak_tflops")]
    roofline: Annotated[Roofline | None, about("null if the operations of a step could not be counted")]
    peak_memory_of: Annotated[Literal["device", "process"], about("what peak_memory_bytes counts")]
    host_synchronisations: Annotated[
        Count | None, about("calls in the measured steps that made a host wait for its GPU; null on the CPU")
    ]
    traced_synchronisations: Annotated[
        Count | None, about("the same in a few traced steps after them, of CUDA's own calls; null if not traced")
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
    ranks: Annotated[list[RankDetails], Meta(min_length=1)]
    scaling: Annotated[Scaling | None, about("null for one process, or if the baseline was not measured before")]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


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

    details: SpeedDetails | UnfinishedDetails | LogDetails


class ConvergenceDetails(MeasuredDetails, frozen=True, kw_only=True, tag="run"):
    """Details of a convergence case that reached its end."""

    target: Annotated[Fraction, about("of convergence_value")]
    evaluations: Annotated[PositiveCount, about("on the held-out split, evenly spread over the steps")]
    training_seconds: Annotated[
        PositiveSeconds, about("slowest rank, without evaluations and checkpoints, earlier interrupted runs included")
    ]
    samples_per_second: SamplesPerSecond
    held_out_samples: Annotated[PositiveCount, about("number of samples of the held-out split")]
    resumed_at: Annotated[list[Count], about("steps after which the training was interrupted and resumed")]
    kept: Annotated[list[str], about("checkpoint and what was evaluated")]
    failure: Annotated[Failure, about("if JOB_FAIL_FLAG is 1")] | UnsetType = UNSET


class UnfinishedConvergenceDetails(UnfinishedDetails, frozen=True, kw_only=True, tag="unfinished_run"):
    """Details of a convergence case that did not reach its end."""

    target: Annotated[Fraction, about("of convergence_value")]
    evaluations: Annotated[PositiveCount, about("on the held-out split, evenly spread over the steps")]


class TimeToScore(Struct, frozen=True, forbid_unknown_fields=True):
    """How soon a score was reached."""

    value: Annotated[Fraction, about("a tenth, two tenths, ... of the target")]
    seconds: Annotated[Seconds | None, about("of training, to the first evaluation that reached it; null if none did")]


class ConvergenceArtifact(Header, frozen=True, kw_only=True):
    """Convergence JSON of one OCR training case."""

    convergence_key: Annotated[Text, about("name of the score, for example hmean")]
    convergence_value: Annotated[
        Fraction | None, about("score on the held-out split after the last step; null if the training did not reach it")
    ]
    loss_curve: Annotated[
        list[CurvePoint], about("step and the mean of each loss over the steps since the previous point, rank 0")
    ]
    scores: Annotated[
        list[ScorePoint], about("step, training_seconds and the scores of each evaluation, each from 0 to 1")
    ]
    seconds_to_tenths: Annotated[list[TimeToScore], Meta(min_length=10, max_length=10)]
    details: ConvergenceDetails | UnfinishedConvergenceDetails
