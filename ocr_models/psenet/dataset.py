"""Training samples of PSENet: image file -> augmented crop and packed label map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ocr_models.detection.crop_dataset import CropDataset, Sample
from ocr_models.detection.polygons import PolygonBatch
from ocr_models.psenet.augmentation import draw_augmentation, scale_polygons
from ocr_models.psenet.crop_targets import draw_crop_targets
from ocr_models.psenet.targets import MAX_POLYGONS

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Lap


class PSENetDataset(CropDataset):
    """Samples by (image index, position in the endless stream).

    A sample is:

    - image (S, S, 3) uint8, RGB
    - packed (S, S) uint8: bit 0 text, bits 1 to 6 the kernels, largest first, bit 7 the training mask
    - jitter (3,) float32: brightness factor, saturation factor, and 1 if brightness comes first, else 0

    Colour jitter and normalisation follow on the device.
    """

    def _augmented(
        self, annotated: AnnotatedImage, source: NDArray[np.uint8], rng: np.random.Generator, lap: Lap
    ) -> Sample:
        polygons = PolygonBatch.of(annotated.polygons[:MAX_POLYGONS])
        augmentation = draw_augmentation(rng, source.shape[:2], polygons, self.image_size)
        crop = self._warp(source, augmentation.source_to_crop(), augmentation.visible)  # (S, S, 3)
        lap("warp")
        scaled = scale_polygons(polygons, augmentation.source_shape, augmentation.scaled_shape)
        packed = draw_crop_targets(scaled, annotated.ignored, augmentation)
        lap("labels")
        jitter = (augmentation.brightness, augmentation.saturation, float(augmentation.brightness_first))
        return torch.from_numpy(crop), torch.from_numpy(packed), torch.tensor(jitter, dtype=torch.float32)
