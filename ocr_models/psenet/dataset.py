"""Training samples of PSENet: image file -> augmented crop and packed label map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from ocr_models.detection.polygons import PolygonBatch
from ocr_models.detection.warp import CropWarper
from ocr_models.psenet.augmentation import draw_augmentation, scale_polygons
from ocr_models.psenet.crop_targets import draw_crop_targets
from ocr_models.psenet.targets import MAX_POLYGONS

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Lap


class PSENetDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Samples by (image index, position in the endless stream).

    All random numbers come from (seed, position), so a training sees the same samples with any number of workers. A
    sample is:

    - image (S, S, 3) uint8, RGB
    - packed (S, S) uint8: bit 0 text, bits 1 to 6 the kernels, largest first, bit 7 the training mask
    - jitter (3,) float32: brightness factor, saturation factor, and 1 if brightness comes first, else 0

    Colour jitter and normalisation follow on the device.
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
        polygons = PolygonBatch.of(annotated.polygons[:MAX_POLYGONS])
        augmentation = draw_augmentation(rng, source.shape[:2], polygons, self.image_size)
        crop = self._warp(source, augmentation.source_to_crop(), augmentation.visible)  # (S, S, 3)
        lap("warp")
        scaled = scale_polygons(polygons, augmentation.source_shape, augmentation.scaled_shape)
        packed = draw_crop_targets(scaled, annotated.ignored, augmentation)
        lap("labels")
        jitter = (augmentation.brightness, augmentation.saturation, float(augmentation.brightness_first))
        return torch.from_numpy(crop), torch.from_numpy(packed), torch.tensor(jitter, dtype=torch.float32)
