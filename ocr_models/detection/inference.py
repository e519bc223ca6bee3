"""One image through a text detector's network, in evaluation mode."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ocr_models.detection.layers import IMAGENET_MEAN, IMAGENET_STD

MAX_PIXELS = 2**24
"""About, of the input of a network. A long narrow image scaled to a usual short side can have 20 times as many, and the
features of the network would fill the memory of any machine.
"""


def compute_maps(
    model: nn.Module, forward: Callable[[Tensor], Tensor], image: NDArray[np.uint8], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Compute the maps of one image in evaluation mode and float32; afterwards the model is in its earlier mode again.

    Args:
        model: computes on the device of its parameters.
        forward: the model itself or a method of it: images (1, 3, h, w) float32, normalised -> maps (1, K, h', w').
        image: (H, W, 3) uint8 RGB.
        size: (h, w) of the network's input, to which the image is scaled bilinearly.

    Returns:
        (K, h', w').
    """
    device = next(model.parameters()).device
    scaled = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)  # (h, w, 3)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            maps = forward(_normalised(scaled, device))[0]
    finally:
        model.train(was_training)
    return np.asarray(maps.float().cpu().numpy(), np.float32)


def scaled_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """(height, width) scaled to this short side, in whole pixels.

    The short side becomes smaller if the image would have more than `MAX_PIXELS` pixels.
    """
    scale = min(short_side / min(size), math.sqrt(MAX_PIXELS / (size[0] * size[1])))
    height, width = (max(int(side * scale + 0.5), 1) for side in size)
    return height, width


def _normalised(image: NDArray[np.generic], device: torch.device) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in channels_last, as in training."""
    mean, std = (torch.tensor(values, device=device) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = torch.from_numpy(image).to(device)[None].float() / 255
    return ((pixels - mean) / std).permute(0, 3, 1, 2)
