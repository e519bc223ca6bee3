"""Synthetic pages for the tests of augmentations and labels."""

from __future__ import annotations

import cv2
import numpy as np

from ocr_models.detection.polygons import PolygonBatch
from ocr_models.detection.scene import HEIGHT, IGNORED, WIDTH, SceneMaker

SHAPE = (HEIGHT, WIDTH)


class Page:
    """A page with its texts."""

    def __init__(self, seed: int) -> None:
        image, words = SceneMaker(seed).draw(np.random.default_rng(seed))
        self.image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        self.polygons = [word.corners.astype(np.float64) for word in words]
        self.ignored = np.array([word.transcription == IGNORED for word in words])
        self.batch = PolygonBatch.of(self.polygons)
