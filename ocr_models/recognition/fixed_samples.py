"""The batch of a recogniser's reference check: the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import default_collate

from ocr_models.fixed_samples import fixed_pixels
from ocr_models.recognition.reading import read_word_set

if TYPE_CHECKING:
    from ocr_models.recognition.labels import LabelRule
    from ocr_models.recognition.word_set import WordSet
    from ocr_models.task import Batch, TrainingDataset

TRANSCRIPTIONS = ("Hello", "7", "0042", "bookkeeper", "Llanfairpwll", "Mississippimississippi55")
"""Equal neighbours, one character and many; CTC cannot fit the last one into CRNN's time steps."""


def fixed_batch(make_dataset: Callable[[WordSet], TrainingDataset], rule: LabelRule) -> Batch:
    """Six samples, on the CPU: labels from the task's own data set, pixels replaced by fixed ones.

    The first tensor of a sample must be its image, (C, H, W) uint8. `rule` makes the labels.
    """
    with TemporaryDirectory() as folder:
        _write_words(Path(folder))
        dataset = make_dataset(read_word_set(Path(folder), "train", rule))
        pixels, *labels = default_collate([dataset[index, index] for index in range(len(dataset))])
    n, channels, height, width = pixels.shape
    fixed = fixed_pixels(n, height, width, channels).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(fixed)), *labels


def _write_words(folder: Path) -> None:
    """Black images and their label file, in the layout of ICDAR 2015."""
    names = [f"word_{number}.png" for number in range(1, len(TRANSCRIPTIONS) + 1)]
    for name in names:
        cv2.imwrite(str(folder / name), np.zeros((32, 96, 3), np.uint8))
    lines = [f'{name}, "{text}"\n' for name, text in zip(names, TRANSCRIPTIONS, strict=True)]
    (folder / "gt.txt").write_text("".join(lines), "utf-8")
