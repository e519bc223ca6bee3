"""The batch of a recogniser's reference check: the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import default_collate

from ocr_models.fixed_samples import fixed_pixels
from ocr_models.recognition.word_set import Word

if TYPE_CHECKING:
    from ocr_models.recognition.labels import LabelRule
    from ocr_models.task import Batch, TrainingDataset

TRANSCRIPTIONS = ("Hello", "7", "0042", "bookkeeper", "Llanfairpwll", "Mississippimississippi55")
"""Equal neighbours, one character and many; CTC cannot fit the last one into CRNN's time steps."""


def fixed_batch(make_dataset: Callable[[Sequence[Word]], TrainingDataset], rule: LabelRule) -> Batch:
    """Six samples, on the CPU: labels from the task's own data set, pixels replaced by fixed ones.

    The first tensor of a sample must be its image, (C, H, W) uint8.
    """
    images = _BlackImages()
    words = [Word(images.name(index), rule(text), images, index) for index, text in enumerate(TRANSCRIPTIONS)]
    dataset = make_dataset(words)
    pixels, *labels = default_collate([dataset[position, position] for position in range(len(words))])
    n, channels, height, width = pixels.shape
    fixed = fixed_pixels(n, height, width, channels).transpose(0, 3, 1, 2)
    return torch.from_numpy(fixed).contiguous(), *labels


class _BlackImages:
    """The images of the words, an `ocr_models.recognition.word_set.WordImages`."""

    def __len__(self) -> int:
        return len(TRANSCRIPTIONS)

    def name(self, index: int) -> str:
        return f"fixed_{index}"

    def load(self, index: int, *, grey: bool) -> NDArray[np.uint8]:
        return np.zeros((32, 96) if grey else (32, 96, 3), np.uint8)

    def update(self, digest: hashlib._Hash) -> None:
        raise NotImplementedError

    def decoded(self, cache_dir: Path) -> _BlackImages:
        return self
