"""What the reference checks of all models fix: weights, well-conditioned residual blocks, and pixels.

`python -m benchmarks.reference_check MODEL` computes the figures of the step that uses them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

BRANCH_WEIGHT = 0.1
BIAS_RANGE = 0.05


def draw_fixed_weights(model: nn.Module) -> None:
    """Replace the values of all parameters by fixed ones of a usual size.

    torch's own random values will not do: releases of torch initialise differently (`trunc_normal_` changed), and the
    figures of a step would depend on the release. NumPy guarantees the values of its legacy generator.

    Matrices and kernels get the variance 1 / inputs. Vectors, which are biases and the weights of norms, stay near
    their 0 or 1. Several equal values stay as they are.
    """
    for number, parameter in enumerate(model.parameters()):
        values = parameter.detach()
        if values.numel() != 1 and bool((values == values.flatten()[:1]).all()):
            continue
        drawn = torch.from_numpy(np.random.RandomState(number).uniform(-1, 1, tuple(values.shape)))
        with torch.no_grad():
            parameter.copy_(_scaled(drawn, values))


def _scaled(drawn: Tensor, values: Tensor) -> Tensor:
    """`drawn`, uniform from -1 to 1, in the range that suits a parameter with these values."""
    if values.ndim < 2:
        return float(values.mean().round()) + BIAS_RANGE * drawn
    bound: float = (3 * len(values) / values.numel()) ** 0.5
    return bound * drawn


def fix_weights(model: nn.Module) -> None:
    """Fixed weights, and damped residual blocks."""
    draw_fixed_weights(model)
    damp_residual_branches(model)


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
