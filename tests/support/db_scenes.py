"""Synthetic pages for the tests of DB's samples."""

from __future__ import annotations

import numpy as np

from ocr_models.db.augmentation import Augmentation, draw_augmentation
from ocr_models.detection.polygons import PolygonBatch
from scenes import SHAPE, Page


class Scene(Page):
    """A page whose texts that are not ignored determine the crop."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.counting = [polygon for polygon, ignored in zip(self.polygons, self.ignored, strict=True) if not ignored]

    def draw(self, seed: int) -> Augmentation:
        return draw_augmentation(np.random.default_rng(seed), SHAPE, PolygonBatch.of(self.counting), 640)
