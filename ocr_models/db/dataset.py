"""Training samples of DB: image file -> augmented image and packed label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ocr_models.db.augmentation import draw_augmentation
from ocr_models.db.crop_targets import draw_crop_targets
from ocr_models.detection.crop_dataset import CropDataset, Sample
from ocr_models.detection.polygons import PolygonBatch

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Lap


class DBDataset(CropDataset):
    """Samples by (image index, position in the endless stream).

    A sample is:

    - image (S, S, 3) uint8, RGB
    - masks (S, S) uint8: bit 0 shrink_map, bit 1 shrink_mask, bit 2 threshold_mask
    - threshold (S, S) uint8: v means 0.3 + 0.4 v / 255

    Normalisation and unpacking follow on the device.
    """

    def _augmented(
        self, annotated: AnnotatedImage, source: NDArray[np.uint8], rng: np.random.Generator, lap: Lap
    ) -> Sample:
        polygons = PolygonBatch.of(annotated.polygons)
        counting = polygons.kept(~annotated.ignored)
        augmentation = draw_augmentation(rng, source.shape[:2], counting, self.image_size)
        image = self._warp(source, augmentation.pixels_to_sample(), augmentation.visible)  # (S, S, 3)
        lap("warp")
        masks, threshold = draw_crop_targets(polygons, annotated.ignored, augmentation)
        lap("labels")
        return torch.from_numpy(image), torch.from_numpy(masks), torch.from_numpy(threshold)
