"""The batch of a detector's reference check: the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch.utils.data import default_collate

from ocr_models.detection.fixed_pages import fixed_pages
from ocr_models.fixed_samples import fixed_pixels

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage
    from ocr_models.task import Batch, TrainingDataset

SAMPLES = 4


def fixed_batch(make_dataset: Callable[[Sequence[AnnotatedImage]], TrainingDataset]) -> Batch:
    """Four samples of the fixed pages, on the CPU: labels from the task's own data set, pixels replaced by fixed ones.

    The first tensor of a sample must be its image, (S, S, 3) uint8.
    """
    with TemporaryDirectory() as folder:
        dataset = make_dataset(fixed_pages(Path(folder)))
        samples = [dataset[position % len(dataset), position] for position in range(SAMPLES)]
    images, *labels = default_collate(samples)
    return torch.from_numpy(fixed_pixels(*images.shape)), *labels
