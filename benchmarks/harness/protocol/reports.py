"""What a rank reports besides its steps. The same structs become parts of the artifact."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from benchmarks.harness.protocol.limits import RankLimits
from benchmarks.harness.protocol.quantities import (
    Amount,
    Count,
    Flops,
    Fraction,
    Line,
    PositiveBytes,
    PositiveCount,
    PositiveRatio,
    PositiveSeconds,
    SamplesPerSecond,
    Seconds,
    Text,
    Tflops,
    about,
)
from benchmarks.harness.protocol.training import Shape, TrainingReport

FIGURES = ("loss", "gradient_norm", "targets")
"""What the reference check always compares; `parameters`, a count, must agree exactly."""

GRAPH_FIGURES = ("loss", "gradient_norm")
"""What the graph check always compares: targets do not depend on the compiler."""

Version = Annotated[Text, about("version")]
Commit = Annotated[str, Meta(pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")]


def _with_keys(description: str, *keys: str) -> Meta:
    """Describes a dict that always has these keys."""
    return Meta(description=description, extra_json_schema={"required": list(keys)})


MemoryFormat = Literal["channels_last", "contiguous", "mixed"]


class PrecisionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Arithmetic that torch really uses."""

    matmul: Annotated[Literal["ieee", "tf32"], about("float32 matrix products")]
    convolution: Annotated[Literal["ieee", "tf32"], about("float32 convolutions")]
    autocast: Annotated[Literal["float16", "bfloat16"] | None, about("dtype of autocast; null if it is off")]
    gradient_scaler: Annotated[bool, about("whether the loss is scaled, as in fp16")]


class DataDescription(Struct, frozen=True, forbid_unknown_fields=True):
    """The training split."""

    layout: Annotated[Text, about("folder layout, for example icdar2015")]
    images: Annotated[PositiveCount, about("number of training images, without those excluded")]
    remarks: Annotated[
        list[Line],
        about("oddities of the annotations in the splits that were read, with file and line of the first"),
    ]
    excluded: Annotated[
        dict[str, PositiveCount],
        about("training images that the model cannot be trained on, because of their labels: reason and number"),
    ]


class Environment(Struct, frozen=True, forbid_unknown_fields=True):
    """Versions and hardware. Null if not present."""

    python: Version
    torch: Version
    torchvision: Version
    numpy: Version
    opencv: Version
    cuda: Annotated[str | None, about("version; null on the CPU, as the next three")]
    cudnn: Annotated[int | None, about("version as a number")]
    nccl: Annotated[str | None, about("version")]
    driver: Annotated[str | None, about("version of the GPU driver")]
    nccl_settings: Annotated[
        list[Line] | None, about("NCCL_* variables of the ranks, `NAME=value`; null on the CPU, as the next three")
    ]
    fork_safe: Annotated[
        list[Line] | None, about("RDMAV_FORK_SAFE and IBV_FORK_SAFE of the ranks, which fork loader processes")
    ]
    gpu_links: Annotated[
        Line | None, about("connections between the GPUs of this machine, `pairs x kind`; null with one GPU")
    ]
    gpu_peer_access: Annotated[Line | None, about("pairs of GPUs that read each other's memory, `some of all`")]
    system: Annotated[Text, about("operating system")]
    cpu: Annotated[Text, about("processor name")]
    cpu_capability: Annotated[Text, about("widest instructions that torch uses")]
    cores: Annotated[PositiveCount, about("cores that the process may use")]
    numa_nodes: Annotated[PositiveCount | None, about("NUMA nodes with cores; null if the system does not say")]
    numa_nodes_used: Annotated[PositiveCount | None, about("NUMA nodes to which the cores of the process belong")]
    allocator: Annotated[str | None, about("GLIBC_TUNABLES of the ranks")]
    git_commit: Annotated[Commit | None, about("commit of the suite")]
    git_dirty: Annotated[bool | None, about("whether the checkout differs from that commit")]


class ReferenceCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """One step on fixed weights and a fixed batch, in the precision of the case, compared with the model's reference in
    float64.
    """

    figures: Annotated[
        dict[str, int | float | None],
        _with_keys("every loss, gradient norm, number of parameters with a gradient, targets", *FIGURES, "parameters"),
    ]
    reference: Annotated[dict[str, int | float], _with_keys("the same in float64", *FIGURES, "parameters")]
    deviation: Annotated[
        dict[str, Amount | None],
        _with_keys("relative to the reference; null if a figure is missing or not finite", *FIGURES),
    ]
    tolerance: Annotated[
        dict[str, PositiveRatio], _with_keys("largest deviation allowed; `loss` applies to every loss", *FIGURES)
    ]
    compiled: Annotated[
        bool,
        about(
            "whether a graph was compiled for this step: only if a compiled case has not the memory for `graph_check`"
        ),
    ]


class GraphCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the compiled graph that was measured, compared with the same step without compilation: same weights,
    same batch, same precision. Gradients are averaged over the ranks.
    """

    figures: Annotated[
        dict[str, int | float | None],
        _with_keys("every loss, gradient norm, number of parameters with a gradient", *GRAPH_FIGURES, "parameters"),
    ]
    eager: Annotated[
        dict[str, int | float | None], _with_keys("the same without compilation", *GRAPH_FIGURES, "parameters")
    ]
    deviation: Annotated[
        dict[str, Amount | None],
        _with_keys(
            "relative to the step without compilation; null if a figure is missing or not finite", *GRAPH_FIGURES
        ),
    ]
    tolerance: Annotated[
        dict[str, PositiveRatio], _with_keys("largest deviation allowed; `loss` applies to every loss", *GRAPH_FIGURES)
    ]
    gradient_difference: Annotated[
        Amount | None, about("norm of the difference of both gradients, relative to that without compilation")
    ]
    graphs_compiled: Annotated[Count, about("graphs that this step compiled: 0 if it used those of the measured steps")]


class CommunicationReport(Struct, frozen=True, forbid_unknown_fields=True):
    """What the exchange of gradients adds to a step, from steps with and without it after the measured ones, in turns.
    The other ranks are waited for in the former only, so a rank that is faster than another reports more.
    """

    step_seconds: Annotated[PositiveSeconds, about("median step on a batch on the device")]
    local_step_seconds: Annotated[PositiveSeconds, about("median of the same step without exchange of gradients")]
    exposed_seconds: Annotated[Seconds, about("step_seconds - local_step_seconds, at least 0")]


class ModelReport(Struct, frozen=True):
    """What the network computes for one sample, reported by rank 0. The fields are those of `MeasuredDetails`."""

    flops_per_sample: Flops
    first_layer_shape: Shape | None


class SharedReport(Struct, frozen=True, kw_only=True):
    """What should be the same on all ranks. The fields are those of `MeasuredDetails` of that name, from rank 0."""

    gradient_bytes: PositiveBytes
    precision: PrecisionSettings
    memory_format: MemoryFormat | None
    notes: list[str]
    device: str
    data: DataDescription
    environment: Environment


class MemoryPeaks(Struct, frozen=True, kw_only=True):
    """Largest use of memory by a rank. The fields are those of `TimedRank`."""

    peak_memory_bytes: int
    peak_reserved_bytes: int | None = None
    run_peak_reserved_bytes: int | None = None


class RankReport(Struct, frozen=True, kw_only=True):
    """What every rank reports after its measured steps.

    Attributes:
        shared: what should be the same on all ranks (`results/rank_differences.py` compares it).
        training: what the rank was trained on (`results/checks/training.py` judges it).
        parameters_sha256: of the trained parameters, which must agree on all ranks; None with one process.
        model: reported by rank 0 alone.
    """

    memory: MemoryPeaks
    shared: SharedReport
    training: TrainingReport
    parameters_sha256: str | None = None
    model: ModelReport | None = None


class WindowReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each rank of a speed case observes of its measured steps. These fields are fields of `ranks` in the
    artifact.
    """

    cpu_seconds: Annotated[
        Seconds, about("CPU time of the process in the measured steps: all its threads, without loader processes")
    ]
    host_synchronisations: Annotated[
        Count | None, about("calls in the measured steps that made the host wait for the GPU; null on the CPU")
    ]


class ProbeReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rank measures after the measured steps, and `--ocr-light` leaves out."""

    traced_synchronisations: Annotated[
        Count | None, about("calls in a few traced steps that made the host wait, of CUDA's own; null if not traced")
    ]
    matmul_tflops: Annotated[Tflops, about("rate of a large matrix product in the working precision")]
    limits: RankLimits
    loader_only_samples_per_second: Annotated[SamplesPerSecond, about("this rank's loader without training")]
    step_only_samples_per_second: Annotated[SamplesPerSecond, about("this rank's steps on a batch on the device")]
    communication: Annotated[CommunicationReport | None, about("null if the case is sp")]
    loader_profile: Annotated[
        dict[str, Seconds] | None, about("stage -> seconds per sample; null unless --ocr-profile-loader")
    ]
    reference_check: Annotated[ReferenceCheck | None, about("null if the model has no reference figures")]
    graph_check: Annotated[
        GraphCheck | None,
        about("null without compilation, without reference figures, or if the memory did not suffice"),
    ]


class SpeedReport(WindowReport, frozen=True, kw_only=True):
    """What each rank of a speed case adds.

    Attributes:
        probes: None in a light run.
    """

    probes: ProbeReport | None


class Score(Struct, frozen=True):
    """One evaluation on the held-out split.

    Attributes:
        step: it follows this step.
        training_seconds: of this rank until then, without evaluations and checkpoints.
        figures: name -> score from 0 to 1.
    """

    step: PositiveCount
    training_seconds: Seconds
    figures: dict[str, Fraction]


class ConvergenceReport(Struct, frozen=True):
    """What a convergence case adds, per rank.

    Attributes:
        held_out_samples: number of samples of the held-out split.
        held_out_is_training: whether its names and annotations are those of the training split.
        losses: of each step since the first one, steps of earlier, interrupted runs included.
        scores: of each evaluation; only rank 0 evaluates.
        resumed_at: steps after which the training was interrupted and resumed.
        skipped_before: steps that a gradient scaler skipped in earlier, interrupted runs.
    """

    held_out_samples: int
    held_out_is_training: bool
    losses: list[dict[str, float]]
    scores: list[Score]
    resumed_at: list[int]
    skipped_before: int = 0
