"""What a model must provide to be trained: the one interface between models and the harness.

A `TrainingTask` says what is trained and how: network, loss, optimiser, data, evaluation. The harness only uses what is
declared here. It knows nothing of polygons, words or scores.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from ocr_models.optimizers import define_skipped_momentum

Split = Literal["train", "test"]
"""Training samples, or held-out samples for evaluation."""

Batch = tuple[Tensor, ...]
"""A collated batch as the loader delivers it. The first dimension of the first tensor is the number of samples."""

Lap = Callable[[str], None]
"""Called with the name of each stage of making a sample when that stage ends."""


OpenPart = Callable[[str], AbstractContextManager[object]]
"""Name of a part of a step -> the context in which it runs."""


def _unnamed(_: str) -> AbstractContextManager[object]:
    return nullcontext()


class DataSet(Protocol):
    """One split of a data set, as found on disk.

    It may also have `remarks`, a tuple of lines: what a user should know about the annotations although they can be
    used. They appear in the artifact and at the end of the session. And it may have `excluded`, reason -> number of
    samples that the model cannot learn, such as words with characters that it does not know.
    """

    @property
    def layout(self) -> str:
        """Name of the folder layout it was read from, for example "icdar2015"."""

    def __len__(self) -> int:
        """Number of images."""

    def digest(self) -> str:
        """16 hexadecimal digits of file names and annotations; independent of the folder."""

    def with_decoded_images(self, cache_dir: Path) -> DataSet:
        """The same split, its images decoded once into files below `cache_dir` and mapped into memory."""


@runtime_checkable
class ComparableImages(Protocol):
    """A `DataSet` that can compare its images. Then a training that sees one sample for all of them is detected."""

    def same_image(self, one: int, other: int) -> bool:
        """Whether the images of two indices have the same pixels."""


class TrainingDataset(Protocol):
    """Training samples by (image index, position in the endless stream). The same pair always gives the same sample."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, key: tuple[int, int]) -> Any:
        """A sample: a tuple of tensors that torch's default_collate stacks into a `Batch`."""

    def make(self, key: tuple[int, int], lap: Lap) -> Any:
        """As `__getitem__`; calls `lap` with "decode", "warp" and so on after each stage."""


@dataclass(frozen=True)
class Evaluation:
    """How well the model, as trained so far, does on the held-out split.

    Attributes:
        samples: number of held-out samples.
        score: (folder, progress) -> name -> score, each from 0 to 1. `folder` exists and keeps what was scored;
            `progress` is called after each sample.
    """

    samples: int
    score: Callable[[Path, Callable[[], None]], dict[str, float]]


@dataclass(frozen=True)
class Reference:
    """What one training step must compute, whatever the precision. It exposes a step that is fast but wrong.

    Attributes:
        fix_weights: gives a network weights that do not depend on torch's release (`draw_fixed_weights` of
            `ocr_models.fixed_samples`) and that are well-conditioned, so that rounding does not hide differences.
        batch: () -> a fixed batch on the CPU. Its targets come through the task's own pipeline.
        figures: loss name -> value, `gradient_norm`, `parameters` and `targets` of one step in float64 on the CPU,
            as printed by `python -m benchmarks.reference_check MODEL`; None if not computed yet.
    """

    fix_weights: Callable[[nn.Module], None]
    batch: Callable[[], Batch]
    figures: Mapping[str, float] | None = None


@dataclass(frozen=True)
class TrainingTask:
    """A model together with everything that its training needs.

    Attributes:
        model: inputs -> outputs, each any tree of tensors (nested tuples, lists, dicts).
        prepare: a batch on the device -> (inputs, targets). Jitter, normalisation and unpacking happen here.
        criterion: (outputs, targets) -> name -> tensor. `loss`, a scalar, is minimised; the others, (N,), are logged.
        optimizer: over the parameters of `model`. A gradient scaler may skip its first step (`ocr_models.optimizers`).
        input_shape: shape of the input of one sample, without the batch dimension: (3, 736, 736). Used to count FLOPs.
            It is also the shape that the network must get in each measured step.
        read_data: (folder, split) -> what is found on disk. Raises ocr_models.errors.DataError if it cannot be used.
        make_dataset: training split -> training samples.
        schedule: number of steps -> learning rate schedule, stepped after each step. Convergence cases use it; a speed
            case measures the first steps of a long training and keeps the initial learning rate.
        evaluation: held-out split -> evaluation; None if the task has none. Raises DataError for samples that cannot be
            scored, before any training.
        reference: what one step must compute; None if nothing was provided yet.
        max_gradient_norm: the norm over all gradients to which they are reduced before the optimizer uses them, if it
            is larger; None to use them as they are.
        notes: what one must know to compare the step with others of this model, a line each. They are in the artifact.

    Raises:
        ValueError: if `max_gradient_norm` is not above 0.
    """

    model: nn.Module
    prepare: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    input_shape: tuple[int, ...]
    read_data: Callable[[Path, Split], DataSet]
    make_dataset: Callable[[Any], TrainingDataset]
    schedule: Callable[[int], LRScheduler]
    evaluation: Callable[[Any], Evaluation] | None = None
    reference: Reference | None = None
    max_gradient_norm: float | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_gradient_norm is not None and not self.max_gradient_norm > 0:
            raise ValueError(f"max_gradient_norm must be above 0, not {self.max_gradient_norm}")
        define_skipped_momentum(self.optimizer)


class TaskBuilder(Protocol):
    """Builds a training task on `device`, its weights initialised from `seed`.

    `image_size` is the side of the square training image in pixels; None if the model has a fixed input size.

    A builder may also take these keyword arguments; `build_task` passes each to those that have it:
        precision: of the steps, "fp32", "tf32", "fp16" or "bf16". With the device it may decide the memory format.
        memory_format: of the network's weights and inputs, instead of the builder's own choice; None for that choice.
        augment: whether training samples are changed at random. False only for a training that must learn its samples
            by heart (`ocr_models.ConvergenceGoal`).
    """

    def __call__(self, *, image_size: int | None, seed: int, device: torch.device) -> TrainingTask: ...


def build_task(
    builder: TaskBuilder,
    *,
    image_size: int | None,
    seed: int,
    device: torch.device,
    precision: str,
    memory_format: torch.memory_format | None = None,
    augment: bool = True,
) -> TrainingTask:
    """Build a training task for steps in a precision. The arguments are those of `TaskBuilder`.

    Raises:
        ValueError: if a memory format is given, or samples must not be augmented, but the builder does not take that.
    """
    taken = inspect.signature(builder).parameters
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in taken.values())
    if memory_format is not None and not takes_all and "memory_format" not in taken:
        raise ValueError("the memory format of this model cannot be chosen: its task builder takes no `memory_format`")
    if not augment and not takes_all and "augment" not in taken:
        raise ValueError("the samples of this model are always augmented: its task builder takes no `augment`")
    optional = {"precision": precision, "memory_format": memory_format, "augment": augment}
    passed: dict[str, Any] = {name: value for name, value in optional.items() if takes_all or name in taken}
    return builder(image_size=image_size, seed=seed, device=device, **passed)


class TrainingStep(nn.Module):
    """Batch -> losses, as one module, so that DistributedDataParallel and torch.compile wrap the whole step."""

    def __init__(self, task: TrainingTask, part: OpenPart = _unnamed) -> None:
        """`part` opens a context around `prepare`, `forward` and `loss`, so that a profiler can name them."""
        super().__init__()
        self._part = part
        self.prepare = task.prepare
        self.model = task.model
        self.criterion = task.criterion

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        with self._part("prepare"):
            inputs, targets = self.prepare(batch)
        with self._part("forward"):
            outputs = self.model(inputs)
        with self._part("loss"):
            losses: dict[str, Tensor] = self.criterion(outputs, targets)
        return losses
