"""The weights and the batch of the training step whose figures are `reference_figures` in `ocr_models.MODELS`.

`python -m benchmarks.reference_check psenet` computes the figures.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.utils.data import default_collate
from torchvision.models.resnet import BasicBlock, Bottleneck

from ocr_models.detection.fixed_pages import fixed_pages
from ocr_models.psenet.dataset import PSENetDataset

if TYPE_CHECKING:
    from ocr_models.task import Batch

SAMPLES = 4
BRANCH_WEIGHT = 0.1


def fix_weights(model: nn.Module) -> None:
    """Let each residual block add a tenth of its branch.

    Freshly initialised blocks add all of it. Then the rounding of bfloat16 grows from block to block until the gradient
    is wrong by a third.
    """
    for module in model.modules():
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, BRANCH_WEIGHT)
        elif isinstance(module, BasicBlock):
            nn.init.constant_(module.bn2.weight, BRANCH_WEIGHT)


def fixed_batch(image_size: int, seed: int) -> Batch:
    """Four samples of the fixed pages: labels from the task's own pipeline, pixels replaced by fixed ones.

    Returns:
        images (4, S, S, 3) uint8, packed label maps (4, S, S) uint8, colour jitter (4, 3) float32; on the CPU.
    """
    with TemporaryDirectory() as folder:
        dataset = PSENetDataset(fixed_pages(Path(folder)), image_size=image_size, seed=seed)
        samples = [dataset[position % len(dataset), position] for position in range(SAMPLES)]
    return fix_pixels(tuple(default_collate(samples)))


def fix_pixels(batch: Batch) -> Batch:
    """Replace the images of a batch of PSENetDataset by waves that differ in each channel and sample."""
    images, *others = batch  # (N, H, W, 3)
    n, y, x, c = np.indices(images.shape, dtype=np.float64)
    waves = 128 + 50 * np.sin(x / (3 + 2 * c) + n) * np.cos(y / (4 + c)) + 40 * np.sin((x + y) / (1.5 + 0.6 * c) - n)
    return torch.from_numpy(np.rint(waves).astype(np.uint8)), *others
