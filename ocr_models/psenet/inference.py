"""Text detection with a PSENet: pixels of an image -> maps of the network -> text boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ocr_models.detection.inference import compute_maps, scaled_size
from ocr_models.detection.text_box import TextBox
from ocr_models.psenet.postprocessing import detect

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
        return self.texts(self.logits(image), (image.shape[0], image.shape[1]))

    def texts(self, logits: NDArray[np.float32], size: tuple[int, int]) -> list[TextBox]:
        """The logits (7, h/4, w/4) of an image -> the texts, in pixels of that image, whose size is (H, W)."""
        return detect(logits, size, image_size=self.network_size(size))

    def quadrilaterals(self, image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """As `__call__`, but only the corners of the texts, (4, 2) each."""
        return [box.polygon for box in self(image)]

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) uint8 RGB -> seven maps (7, h/4, w/4); (h, w) is the network size of the image."""
        return compute_maps(self.model, self.model, image, self.network_size((image.shape[0], image.shape[1])))

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of an image -> (height, width) of the network's input."""
        height, width = (-(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE for side in scaled_size(size, self.short_side))
        return height, width
