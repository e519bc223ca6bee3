"""What a model must bring so that it can be trained: the one interface between the models and who trains them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from ocr_models.data.icdar2015 import AnnotatedImage

Batch = tuple[Tensor, ...]
"""One collated batch as the loader delivers it. The first tensor's first dimension counts the samples."""


Lap = Callable[[str], None]
"""Told the name of each stage in a sample's making as it ends: where its time goes."""


class TrainingDataset(Protocol):
    """Samples by (image index, position in the endless stream); the same pair always gives the same sample."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: tuple[int, int]) -> Any:
        """As `make`, untimed."""

    def make(self, key: tuple[int, int], lap: Lap) -> Any: ...


Detect = Callable[[NDArray[np.uint8]], list[NDArray[np.float64]]]
"""An image as stored, (H, W, 3) RGB -> its texts' quadrilaterals, (4, 2) each, x and y in pixels of that image."""


@dataclass(frozen=True)
class Reference:
    """What one training step must come to, whatever the precision: a step that is fast but wrong is told by it.

    Attributes:
        fix_weights: makes a freshly drawn model well-conditioned, so that rounding does not drown what is compared.
        fix_pixels: a batch -> the same with pixels that no warp has a part in: versions of OpenCV differ in some of
            them by a grey level or two, which a network that has learned nothing makes much of.
        figures: of one step with those weights on the suite's fixed images, in float64: what
            `python -m benchmarks.fingerprint MODEL` prints.
    """

    fix_weights: Callable[[nn.Module], None]
    fix_pixels: Callable[[Batch], Batch]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class TrainingTask:
    """A model together with all that one training step of it needs.

    Attributes:
        model: images (N, 3, H, W), float -> outputs.
        prepare: a batch on the device -> (images, targets); colour jitter, normalisation and unpacking happen here.
        criterion: (outputs, targets) -> dict of tensors (N,) to be logged; `loss`, a scalar, is what is minimised.
        optimizer: over the parameters of `model`.
        dataset: training samples; `len` counts the images.
        schedule: total steps -> the learning rate's course over them, to be stepped after each. A speed case, which
            stands for the first steps of a long training, goes without.
        detect: finds the texts of an image with `model` as it is trained so far.
        reference: what one step must come to.
    """

    model: nn.Module
    prepare: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    dataset: TrainingDataset
    schedule: Callable[[int], LRScheduler]
    detect: Detect
    reference: Reference


class TaskBuilder(Protocol):
    """Builds a training task on `device` with randomly initialised weights drawn from `seed`."""

    def __call__(
        self, images: Sequence[AnnotatedImage], *, image_size: int, seed: int, device: torch.device
    ) -> TrainingTask: ...


class TrainingStep(nn.Module):
    """Batch -> losses, as one module, so that DistributedDataParallel and torch.compile wrap the whole step."""

    def __init__(self, task: TrainingTask) -> None:
        super().__init__()
        self.prepare = task.prepare
        self.model = task.model
        self.criterion = task.criterion

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        images, targets = self.prepare(batch)
        losses: dict[str, Tensor] = self.criterion(self.model(images), targets)
        return losses
