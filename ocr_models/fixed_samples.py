"""What the reference checks of all models fix: well-conditioned residual blocks, and pixels.

`python -m benchmarks.reference_check MODEL` computes the figures of the step that uses them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

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


def fixed_pixels(n: int, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """(n, height, width, channels): waves that differ in each channel and sample."""
    sample, y, x, c = np.indices((n, height, width, channels), dtype=np.float64)
    waves = (
        128
        + 50 * np.sin(x / (3 + 2 * c) + sample) * np.cos(y / (4 + c))
        + 40 * np.sin((x + y) / (1.5 + 0.6 * c) - sample)
    )
    pixels: NDArray[np.uint8] = np.rint(waves).astype(np.uint8)
    return pixels
