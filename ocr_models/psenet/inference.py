"""PSENet at work: an image file's pixels -> the network's maps -> text boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ocr_models.layers import IMAGENET_MEAN, IMAGENET_STD
from ocr_models.psenet.boxes import TextBox, detect

SIDE_MULTIPLE = 32


@dataclass(frozen=True)
class TextDetector:
    """Finds texts with a PSENet as it is now, in evaluation mode and float32; it is left in the mode it was in.

    Attributes:
        model: on the device on which to work.
        short_side: to which images are scaled; both sides are then rounded up to a multiple of 32.
    """

    model: nn.Module
    short_side: int = 736

    def __call__(self, image: NDArray[np.uint8]) -> list[TextBox]:
        """The texts of an image as stored, (H, W, 3) uint8 RGB, in its own pixels."""
        size = image.shape[0], image.shape[1]
        return detect(self.logits(image), size, image_size=self.network_size(size))

    def quadrilaterals(self, image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """As `__call__`: the texts' corners alone, (4, 2) each."""
        return [box.polygon for box in self(image)]

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) uint8 RGB -> the seven maps, (7, h/4, w/4), h and w being the network's size of the image."""
        height, width = self.network_size((image.shape[0], image.shape[1]))
        weight = next(self.model.parameters())
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.inference_mode(), torch.autocast(weight.device.type, enabled=False):
                maps: Tensor = self.model(_normalised(scaled, weight.device))[0]
        finally:
            self.model.train(was_training)
        return np.asarray(maps.float().cpu().numpy(), np.float32)

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of an image -> those at which the network sees it."""
        scale = self.short_side / min(size)
        height, width = (-(-max(int(side * scale + 0.5), 1) // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in size)
        return height, width


def _normalised(image: NDArray[np.generic], device: torch.device) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in channels_last, as in training."""
    mean, std = (torch.tensor(values, device=device) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = torch.from_numpy(image).to(device)[None].float() / 255
    return ((pixels - mean) / std).permute(0, 3, 1, 2)
