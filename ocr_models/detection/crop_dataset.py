"""Training samples of a text detector: image file -> augmented crop and its labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.detection.warp import CropWarper
from ocr_models.sample_dataset import SampleDataset

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Lap

Sample = tuple[Tensor, Tensor, Tensor]


class CropDataset(SampleDataset[Sample]):
    """Samples by (image index, position in the endless stream). The data set of a model derives from it.

    The first tensor of a sample is the image, (S, S, 3) uint8, RGB, where S is `image_size`.
    """

    def __init__(self, images: Sequence[AnnotatedImage], *, image_size: int, seed: int) -> None:
        super().__init__(seed=seed)
        self.images = images
        self.image_size = image_size
        self._warp = CropWarper(image_size)

    def __len__(self) -> int:
        return len(self.images)

    def _make(self, index: int, position: int, lap: Lap) -> Sample:
        """The stages decode, warp and labels."""
        annotated = self.images[index]
        source = annotated.load()  # (H, W, 3)
        lap("decode")
        return self._augmented(annotated, source, np.random.default_rng((self.seed, position)), lap)

    @abstractmethod
    def _augmented(
        self, annotated: AnnotatedImage, source: NDArray[np.uint8], rng: np.random.Generator, lap: Lap
    ) -> Sample:
        """The sample of an image, whose pixels are `source` (H, W, 3): the stages warp and labels."""
