"""What a model must bring so that it can be trained: the one interface between the models and who trains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

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


@dataclass(frozen=True)
class TrainingTask:
    """A model together with all that one training step of it needs.

    Attributes:
        model: images (N, 3, H, W), float -> outputs.
        prepare: a batch on the device -> (images, targets); colour jitter, normalisation and unpacking happen here.
        criterion: (outputs, targets) -> dict of tensors (N,) to be logged; `loss`, a scalar, is what is minimised.
        optimizer: over the parameters of `model`.
        dataset: training samples; `len` counts the images.
    """

    model: nn.Module
    prepare: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    dataset: TrainingDataset


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
