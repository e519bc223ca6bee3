"""Text detection with a DBNet: pixels of an image -> probability map of the network -> text boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ocr_models.db.postprocessing import boxes
from ocr_models.detection.inference import compute_maps, scaled_size
from ocr_models.detection.text_box import TextBox

RECIPE_IMAGE_SIZE, RECIPE_SHORT_SIDE = 640, 736
"""Sides of a training image, and the least short side of an evaluated one, in pixels."""

EVALUATED_SCORE = 0.55
"""Least score of a text that is found. The authors (MhLiao/DB) evaluate ICDAR 2015 with 0.55, ResNet-18, and 0.6,
ResNet-50. The 0.7 of the recipe also drops texts that are found right, if the training was short.
"""


@dataclass(frozen=True)
class TextDetector:
    """Finds texts with a DBNet in evaluation mode and float32; afterwards the model is in its earlier mode again.

    Attributes:
        model: has a method `probability`, images (N, 3, h, w) -> P (N, 1, h, w), as `DBNet` has; computes on the device
            of its parameters.
        short_side: images with a smaller short side are enlarged to it.
        reduce_larger: whether images with a larger short side are reduced to it. The recipe keeps them as they are;
            a model that was trained on small images needs small images here too.
        box_threshold: texts with a lower score are dropped.
    """

    model: nn.Module
    short_side: int = 736
    reduce_larger: bool = False
    box_threshold: float = 0.7

    def __call__(self, image: NDArray[np.uint8]) -> list[TextBox]:
        """(H, W, 3) uint8 RGB -> the texts, in pixels of that image."""
        return self.texts(self.probability_map(image), (image.shape[0], image.shape[1]))

    def texts(self, probability: NDArray[np.float32], size: tuple[int, int]) -> list[TextBox]:
        """The probability map (h, w) of an image -> the texts, in pixels of that image, whose size is (H, W)."""
        corners, scores = boxes(probability, size, self.box_threshold)
        found = zip(corners.astype(np.float64), scores.tolist(), strict=True)
        return [TextBox(quadrilateral, score) for quadrilateral, score in found]

    def quadrilaterals(self, image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """As `__call__`, but only the corners of the texts, (4, 2) each."""
        return [box.polygon for box in self(image)]

    def probability_map(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W, 3) uint8 RGB -> P, (h, w), from 0 to 1; (h, w) is the network size of the image."""
        probability: Any = self.model.probability  # nn.Module declares its attributes as tensors and modules
        size = self.network_size((image.shape[0], image.shape[1]))
        (pixels,) = compute_maps(self.model, probability, image, size)  # (1, h, w)
        return np.asarray(pixels, np.float32)

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of an image -> (height, width) of the network's input, which need be no multiple of 32."""
        is_kept = min(size) >= self.short_side and not self.reduce_larger
        return scaled_size(size, min(size) if is_kept else self.short_side)


def detector_for(model: nn.Module, image_size: int) -> TextDetector:
    """The detector of a DBNet that is trained on samples of image_size x image_size pixels.

    The recipe's is trained at 640 pixels and enlarges short sides to 736. A smaller one needs smaller images.
    """
    short_side = round(image_size * RECIPE_SHORT_SIDE / RECIPE_IMAGE_SIZE)
    return TextDetector(model, short_side, image_size < RECIPE_IMAGE_SIZE, EVALUATED_SCORE)
