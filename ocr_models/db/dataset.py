"""Training samples of DB: image file -> augmented image and packed label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from ocr_models.db.augmentation import draw_augmentation
from ocr_models.db.crop_targets import draw_crop_targets
from ocr_models.detection.polygons import PolygonBatch
from ocr_models.detection.warp import CropWarper

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Lap


class DBDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Samples by (image index, position in the endless stream).

    All random numbers come from (seed, position), so a training sees the same samples with any number of workers. A
    sample is:

    - image (S, S, 3) uint8, RGB
    - masks (S, S) uint8: bit 0 shrink_map, bit 1 shrink_mask, bit 2 threshold_mask
    - threshold (S, S) uint8: v means 0.3 + 0.4 v / 255

    Normalisation and unpacking follow on the device.
    """

    def __init__(self, images: Sequence[AnnotatedImage], *, image_size: int, seed: int) -> None:
        self.images = images
        self.image_size = image_size
        self.seed = seed
        self._warp = CropWarper(image_size)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        return self.make(key, lambda _: None)

    def make(self, key: tuple[int, int], lap: Lap) -> tuple[Tensor, Tensor, Tensor]:
        """The sample, in the stages decode, warp and labels."""
        index, position = key
        if get_worker_info() is not None:
            cv2.setNumThreads(0)  # workers already share the cores; 0 leaves a forked thread pool untouched
        annotated = self.images[index]
        source = annotated.load()  # (H, W, 3)
        lap("decode")
        rng = np.random.default_rng((self.seed, position))
        polygons = PolygonBatch.of(annotated.polygons)
        counting = polygons.kept(~annotated.ignored)
        augmentation = draw_augmentation(rng, source.shape[:2], counting, self.image_size)
        image = self._warp(source, augmentation.pixels_to_sample(), augmentation.visible)  # (S, S, 3)
        lap("warp")
        masks, threshold = draw_crop_targets(polygons, annotated.ignored, augmentation)
        lap("labels")
        return torch.from_numpy(image), torch.from_numpy(masks), torch.from_numpy(threshold)
