"""Text detection with a PSENet: pixels of an image -> maps of the network -> text boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ocr_models.detection.layers import IMAGENET_MEAN, IMAGENET_STD
from ocr_models.psenet.postprocessing import TextBox, detect

SIDE_MULTIPLE = 32


@dataclass(frozen=True)
class TextDetector:
    """Finds texts with a PSENet in evaluation mode and float32; afterwards the model is in its earlier mode again.

    Attributes:
        model: computes on the device of its parameters.
        short_side: images are scaled to this short side; both sides are then rounded up to a multiple of 32.
    """

    model: nn.Module
    short_side: int = 736

    def __call__(self, image: NDArray[np.uint8]) -> list[TextBox]:
        """(H, W, 3) uint8 RGB -> the texts, in pixels of that image."""
        size = image.shape[0], image.shape[1]
        return detect(self.logits(image), size, image_size=self.network_size(size))

    def quadrilaterals(self, image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """As `__call__`, but only the corners of the texts, (4, 2) each."""
        return [box.polygon for box in self(image)]

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) uint8 RGB -> seven maps (7, h/4, w/4); (h, w) is the network size of the image."""
        height, width = self.network_size((image.shape[0], image.shape[1]))
        weight = next(self.model.parameters())
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # (h, w, 3)
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.inference_mode(), torch.autocast(weight.device.type, enabled=False):
                maps: Tensor = self.model(_normalised(scaled, weight.device))[0]
        finally:
            self.model.train(was_training)
        return np.asarray(maps.float().cpu().numpy(), np.float32)

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of an image -> (height, width) of the network's input."""
        scale = self.short_side / min(size)
        height, width = (-(-max(int(side * scale + 0.5), 1) // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in size)
        return height, width


def _normalised(image: NDArray[np.generic], device: torch.device) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in channels_last, as in training."""
    mean, std = (torch.tensor(values, device=device) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = torch.from_numpy(image).to(device)[None].float() / 255
    return ((pixels - mean) / std).permute(0, 3, 1, 2)
