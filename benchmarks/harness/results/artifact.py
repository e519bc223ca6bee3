"""What all artifacts share: the ten fields of the contract, and the `details` of whatever was measured.

The artifact types are the single source: the schemas and docs/artifact.md are generated from them (`python -m
benchmarks.schemas`). `details.source` says which of its types `details` has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from benchmarks.cases import Precision, RunMode
from benchmarks.harness.protocol.compile_modes import CompileMode
from benchmarks.harness.protocol.quantities import (
    Count,
    Flops,
    Line,
    Pixels,
    PositiveBytes,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Text,
    about,
)
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import (
    DataDescription,
    Environment,
    MemoryFormat,
    PrecisionSettings,
)
from benchmarks.harness.protocol.training import Shape
from benchmarks.harness.results.gradient_scaling import GradientScaling
from benchmarks.harness.results.training_details import RankTraining

SCHEMA_VERSION = 1
"""To be raised with every change of a field after a release: schemas are strict."""

CASE_PATTERN = r"^[a-z0-9]+_(sp|mp)_bs[1-9][0-9]*_(fp32|tf32|fp16|bf16)(_compile)?_(cpu)?[1-9][0-9]*$"

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
    data_source: Annotated[Literal["synthetic", "files"], about("synthetic set, or --ocr-data or --ocr-words")]
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
    notes: Annotated[list[Line], about("what one must know to compare the step with others of this model")]
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
