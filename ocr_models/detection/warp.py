"""Affine warps of images to square crops."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int]
"""(rows, columns)"""


class CropWarper:
    """Warps images to crops, (H, W, 3) uint8 -> (S, S, 3) uint8, bilinear, black outside the image.

    It keeps its scratch images between calls, because new memory of that size would cost more than the warp. So each
    process or thread needs its own warper.
    """

    def __init__(self, crop_size: int) -> None:
        self._crop = np.empty((crop_size, crop_size, 4), np.uint8)
        self._source = np.empty((1, 1, 4), np.uint8)

    def __call__(
        self, image: NDArray[np.uint8], source_to_crop: NDArray[np.float64], visible: Shape
    ) -> NDArray[np.uint8]:
        """Warp one image.

        Args:
            image: (H, W, 3) uint8.
            source_to_crop: (2, 3) matrix: pixels of the image to pixels of the crop.
            visible: part of the crop that the frame fills; padding, to its right and below it, is black.
        """
        rows, columns = visible
        # OpenCV 5 warps four channels three times as fast as three; earlier versions take the same time.
        self._source = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=self._source), np.uint8)  # (H, W, 4)
        cv2.warpAffine(
            self._source,
            source_to_crop,
            (columns, rows),
            dst=self._crop[:rows, :columns],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0, 0),
        )
        size = len(self._crop)
        crop = np.empty((size, size, 3), np.uint8)
        crop[rows:] = 0
        crop[:rows, columns:] = 0
        cv2.cvtColor(self._crop[:rows, :columns], cv2.COLOR_RGBA2RGB, dst=crop[:rows, :columns])
        return crop
