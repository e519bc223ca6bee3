"""Training samples of PSENet: image file -> augmented crop and packed label map."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from ocr_models.data.augment import CropWarper, draw_augmentation, scale_polygons
from ocr_models.data.icdar2015 import AnnotatedImage, load_image
from ocr_models.data.polygons import PolygonBatch
from ocr_models.psenet.crop_targets import draw_crop_targets
from ocr_models.psenet.targets import MAX_POLYGONS
from ocr_models.task import Lap


class PSENetDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Samples by (image index, position in the endless stream).

    All that is random comes from (seed, position), so the same case sees the same samples however many workers load
    them. A sample is:

    - image (S, S, 3) uint8, RGB
    - packed (S, S) uint8: bit 0 text, bits 1 to 6 the kernels, largest first, bit 7 the training mask
    - jitter (3,) float32: brightness factor, saturation factor, and 1 where brightness comes first, else 0

    Colour jitter and normalisation are left to the device.
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
            cv2.setNumThreads(0)  # workers share the cores already; 0 leaves a forked thread pool untouched
        annotated = self.images[index]
        source = load_image(annotated.path)
        lap("decode")
        rng = np.random.default_rng((self.seed, position))
        polygons = PolygonBatch.of(annotated.polygons[:MAX_POLYGONS])
        augmentation = draw_augmentation(rng, source.shape[:2], polygons, self.image_size)
        crop = self._warp(source, augmentation)
        lap("warp")
        scaled = scale_polygons(polygons, augmentation.source_shape, augmentation.scaled_shape)
        packed = draw_crop_targets(scaled, annotated.ignored, augmentation)
        lap("labels")
        jitter = (augmentation.brightness, augmentation.saturation, float(augmentation.brightness_first))
        return torch.from_numpy(crop), torch.from_numpy(packed), torch.tensor(jitter, dtype=torch.float32)
