"""Whether the measured steps trained what the case says: judged from the fields of the artifact.

`build` applies these checks to a run, and the gate applies them again to its artifact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.training import positions_sha256
from benchmarks.harness.results.artifact import MeasuredDetails
from benchmarks.harness.results.printable import printable, shorten
from benchmarks.harness.results.training_details import FIRST_SAMPLES, RankTraining

MAX_RECOMPUTED_POSITIONS = 2**20
"""Beyond that, the digest of the positions is not recomputed: an artifact may claim any number of samples."""

LONGEST_MESSAGE = 250  # an artifact may hold any names and numbers

MAX_CHANNELS = 4  # of an image

LOW_PRECISION = ("float16", "bfloat16")


@dataclass(frozen=True)
class Problem:
    """What is wrong with the training of a rank, one line."""

    rank: int
    message: str


@dataclass(frozen=True)
class Expected:
    """What the measured steps should be: `steps` of them, after `steps_before`."""

    details: MeasuredDetails
    steps: int
    steps_before: int

    @property
    def samples(self) -> int:
        """Of one rank."""
        return self.steps * self.details.batch_size_per_process

    def positions(self, rank: int) -> range:
        """Ranks take turns in one stream of samples (`ocr_models.sampler`)."""
        processes = self.details.processes
        first = self.steps_before * self.details.batch_size_per_process * processes + rank
        return range(first, first + self.samples * processes, processes)


def training_problems(details: MeasuredDetails, steps: int, steps_before: int) -> list[Problem]:
    """What shows that the steps did not train what the case says; the most telling problem of a rank comes first.

    `steps` is the number of measured steps of the run, `steps_before` that of the steps before them.
    """
    expected = Expected(details, steps, steps_before)
    ranks = [training.rank for training in details.training]
    if ranks != list(range(len(ranks))) or len(ranks) != details.processes:
        return [Problem(0, f"the training of ranks {ranks[:8]} is reported, of {details.processes} processes")]
    return [
        Problem(training.rank, shorten(printable(message), LONGEST_MESSAGE))
        for check in CHECKS
        for training in details.training
        for message in check(training, expected)
    ]


def wrong_training(problems: Sequence[Problem]) -> Failure | None:
    """The failure of a run with these problems."""
    return Failure("wrong_result", problems[0].message, problems[0].rank) if problems else None


def describe_problems(problems: Sequence[Problem]) -> list[str]:
    """A line each, for the gate."""
    return [f"details.training, rank {problem.rank}: {problem.message}" for problem in problems]


def _samples(training: RankTraining, expected: Expected) -> Iterator[str]:
    samples, steps = training.samples, expected.steps
    batch = expected.details.batch_size_per_process
    if training.steps_before != expected.steps_before:
        yield f"{training.steps_before} steps preceded the measured ones, not {expected.steps_before}"
    if samples.count != expected.samples:
        yield (
            f"{steps} steps trained {samples.count} samples; with {batch} per step of a process they are "
            f"{expected.samples}: the loader delivers other batches"
        )


def _sources(training: RankTraining, expected: Expected) -> Iterator[str]:
    """Which samples they were."""
    samples = training.samples
    if samples.repeated:
        yield (
            f"{samples.repeated} of {samples.count} samples had come before in the same epoch of "
            f"{samples.epoch_length}: the sampler repeats them"
        )
    if samples.shared:
        yield f"{samples.shared} of {samples.count} samples are also those of a lower rank: the ranks share a shard"
    if samples.same_content:
        yield "different images gave the same sample: the data set ignores which image it is asked for"
    positions = expected.positions(training.rank)
    first = [key.position for key in samples.first]
    wanted = list(positions[: len(first)])
    known = expected.samples <= MAX_RECOMPUTED_POSITIONS
    complete = len(first) >= min(FIRST_SAMPLES, expected.samples)
    if first != wanted or not complete or (known and samples.positions_sha256 != positions_sha256(positions)):
        yield (
            f"the samples do not have the positions of this rank in the stream: they begin with {first[:3]}, "
            f"the rank's with {wanted[:3]}"
        )


def _input(training: RankTraining, expected: Expected) -> Iterator[str]:
    details, got = expected.details, training.input
    shape, size = got.shape, details.image_size
    if got.forms == 0:
        yield "the measured steps did not call the network"
        return
    if got.forms > 1:
        yield f"the network got inputs of {got.forms} shapes or data types, among them {shape} {got.dtype}"
    if shape[:1] != [details.batch_size_per_process]:
        yield f"the network got an input of shape {shape}; a batch of a process has {details.batch_size_per_process}"
    if size is not None and not _has_size(shape[1:], size, exact=True):
        yield f"the network got an input of shape {shape}; the image size is {size}"
    if shape[1:] != got.declared:
        yield f"the network got an input of shape {shape}; its task declares samples of shape {got.declared}"
    if details.precision_requested in ("fp32", "tf32") and got.dtype in LOW_PRECISION:
        yield f"the network got {got.dtype}; the precision is {details.precision_requested}"
    layer = details.first_layer_shape
    if training.rank == 0 and size is not None and layer is not None and not _has_size(layer, size, exact=False):
        yield (
            f"the network makes its input smaller: of a sample of shape {shape[1:]}, {layer} arrives at its first "
            f"layer; the image size is {size}"
        )


def _has_size(shape: Sequence[int], size: int, *, exact: bool) -> bool:
    """Whether a sample holds a square image of this size: two dimensions, or its pixels in another arrangement.

    Not exact: also a larger image, such as one with a border, and any number of channels.
    """
    sides = [each for each in shape if each == size or (not exact and each > size)]
    channels, rest = divmod(math.prod(shape), size**2)
    return len(sides) >= 2 or (rest == 0 and 1 <= channels <= (MAX_CHANNELS if exact else channels))


def _parameters(training: RankTraining, expected: Expected) -> Iterator[str]:
    found, steps = training.parameters, expected.steps
    precision, low = expected.details.precision_requested, set(found.dtypes).intersection(LOW_PRECISION)
    if precision in ("fp32", "tf32") and low:
        yield f"parameters of the network are in {', '.join(sorted(low))}; the precision is {precision}"
    if found.untrained_count:
        yield (
            f"{steps} steps left {found.untrained_count} of {found.trainable} parameters as they were although they "
            f"have a gradient ({', '.join(found.untrained)}): is the learning rate 0, or the optimizer without them?"
        )
    if found.changed + found.untrained_count > found.trainable or bool(found.dtypes) != bool(found.trainable):
        yield (
            f"of {found.trainable} parameters with {len(found.dtypes)} data types, {found.changed} are said to be "
            f"changed and {found.untrained_count} left as they were"
        )
    scaling = expected.details.gradient_scaling
    skipped = found.every_step_skipped and scaling is not None and scaling.skipped_steps >= steps
    if found.every_step_skipped and not skipped:
        yield f"every_step_skipped, but the gradient scaler did not skip {steps} steps"
    if not found.changed and (steps > 1 or not found.trainable) and not skipped:
        yield f"{steps} steps changed none of {found.trainable} parameters: nothing is trained"


def _compilation(training: RankTraining, expected: Expected) -> Iterator[str]:
    if not expected.details.compile:
        return
    report = training.compile
    if report is None or report.graphs == 0:
        yield "torch.compile compiled nothing: is it disabled (TORCHDYNAMO_DISABLE, TORCH_COMPILE_DISABLE)?"
        return
    if report.errors_suppressed and report.failed_frames:
        yield (
            f"torch.compile failed {report.failed_frames} times and used eager mode instead: "
            "TORCHDYNAMO_SUPPRESS_ERRORS hides the error"
        )
    if report.eager_layers > report.layers:
        yield f"{report.eager_layers} of {report.layers} layers ran in eager mode: more than there are"
    elif 2 * report.eager_layers > report.layers:
        yield f"{report.eager_layers} of {report.layers} layers ran in eager mode: most of the network is not compiled"
    if report.compilations_in_window and expected.details.warmup_steps:  # else the first measured step compiles
        yield (
            f"{report.compilations_in_window} graphs were compiled within the measured steps: the shapes vary, or "
            "there are too few warm-up steps (--ocr-warmup)"
        )


CHECKS: tuple[Callable[[RankTraining, Expected], Iterator[str]], ...] = (
    _compilation,
    _samples,
    _input,
    _sources,
    _parameters,
)
"""In order: what explains a later problem comes first."""
