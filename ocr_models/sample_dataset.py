"""Training samples by position in the endless stream: what the data sets of all models share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

import cv2
from torch.utils.data import Dataset, get_worker_info

if TYPE_CHECKING:
    from ocr_models.task import Lap

SampleT = TypeVar("SampleT")


class SampleDataset(Dataset[SampleT]):
    """Samples by (image index, position in the endless stream).

    All random numbers come from (seed, position), so a training sees the same samples with any number of workers.
    """

    def __init__(self, *, seed: int) -> None:
        self.seed = seed

    def __getitem__(self, key: tuple[int, int]) -> SampleT:
        return self.make(key, lambda _: None)

    def make(self, key: tuple[int, int], lap: Lap) -> SampleT:
        """The sample; `lap` is called after each stage. Raises DataError if the image cannot be read."""
        if get_worker_info() is not None:
            cv2.setNumThreads(0)  # workers already share the cores; 0 leaves a forked thread pool untouched
        return self._make(*key, lap)

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def _make(self, index: int, position: int, lap: Lap) -> SampleT: ...
