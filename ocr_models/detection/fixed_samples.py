"""The weights and the batch of a detector's reference check: the same on every machine, and well-conditioned.

`python -m benchmarks.reference_check MODEL` computes the figures of the step that uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.utils.data import default_collate
from torchvision.models.resnet import BasicBlock, Bottleneck

from ocr_models.detection.fixed_pages import fixed_pages

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Batch, TrainingDataset

SAMPLES = 4
BRANCH_WEIGHT = 0.1


def damp_residual_branches(model: nn.Module) -> None:
    """Let each residual block of torchvision add a tenth of its branch.

    Freshly initialised blocks add all of it. Then the rounding of bfloat16 grows from block to block until the gradient
    is wrong by a third.
    """
    for module in model.modules():
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, BRANCH_WEIGHT)
        elif isinstance(module, BasicBlock):
            nn.init.constant_(module.bn2.weight, BRANCH_WEIGHT)


def fixed_batch(make_dataset: Callable[[Sequence[AnnotatedImage]], TrainingDataset]) -> Batch:
    """Four samples of the fixed pages, on the CPU: labels from the task's own data set, pixels replaced by fixed ones.

    The first tensor of a sample must be its image, (S, S, 3) uint8.
    """
    with TemporaryDirectory() as folder:
        dataset = make_dataset(fixed_pages(Path(folder)))
        samples = [dataset[position % len(dataset), position] for position in range(SAMPLES)]
    return fix_pixels(tuple(default_collate(samples)))


def fix_pixels(batch: Batch) -> Batch:
    """Replace the images of a batch, (N, S, S, 3) uint8, by waves that differ in each channel and sample."""
    images, *others = batch  # (N, H, W, 3)
    n, y, x, c = np.indices(images.shape, dtype=np.float64)
    waves = 128 + 50 * np.sin(x / (3 + 2 * c) + n) * np.cos(y / (4 + c)) + 40 * np.sin((x + y) / (1.5 + 0.6 * c) - n)
    return torch.from_numpy(np.rint(waves).astype(np.uint8)), *others
