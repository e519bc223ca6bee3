"""What the data sets of all text detectors share, with that of each."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from ocr_models.db.dataset import DBDataset
from ocr_models.detection.crop_dataset import CropDataset
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.errors import DataError
from ocr_models.psenet.dataset import PSENetDataset
from ocr_models.sampler import EndlessSampler

SIZE = 128
each_dataset = pytest.mark.parametrize("dataset_type", [PSENetDataset, DBDataset])


@each_dataset
def test_seed_and_position_make_the_sample(dataset_type: type[CropDataset], images: tuple[AnnotatedImage, ...]) -> None:
    def sample(seed: int, position: int) -> list[np.ndarray]:
        return [part.numpy() for part in dataset_type(images, image_size=SIZE, seed=seed)[1, position]]

    def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
        return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))

    assert equal(sample(0, 5), sample(0, 5))
    assert not equal(sample(0, 5), sample(0, 6))
    assert not equal(sample(0, 5), sample(1, 5))


@each_dataset
def test_samples_do_not_depend_on_the_number_of_workers(
    dataset_type: type[CropDataset], images: tuple[AnnotatedImage, ...]
) -> None:
    cv2.resize(np.zeros((4000, 4000, 3), np.uint8), (2000, 2000))  # OpenCV's threads run before the workers are forked

    def batches(workers: int) -> list[list[torch.Tensor]]:
        loader = DataLoader(
            dataset_type(images, image_size=SIZE, seed=4),
            batch_size=2,
            sampler=EndlessSampler(3, seed=4),
            num_workers=workers,
            timeout=60 if workers else 0,
        )
        return list(islice(loader, 4))

    for alone, shared in zip(batches(0), batches(2), strict=True):
        assert [part.shape[0] for part in alone] == [2, 2, 2]
        for a, b in zip(alone, shared, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_workers_run_opencv_on_one_thread(images: tuple[AnnotatedImage, ...]) -> None:
    class Threads(DBDataset):
        def __getitem__(self, key: tuple[int, int]) -> int:  # type: ignore[override]
            super().__getitem__(key)
            return cv2.getNumThreads()

    threads = cv2.getNumThreads()
    loader = DataLoader(Threads(images, image_size=SIZE, seed=0), sampler=[(0, 0), (1, 1)], num_workers=1)
    assert [int(count) for count in loader] == [1, 1]
    assert cv2.getNumThreads() == threads


@each_dataset
def test_the_stages_of_a_sample_are_named(dataset_type: type[CropDataset], images: tuple[AnnotatedImage, ...]) -> None:
    stages: list[str] = []
    dataset_type(images, image_size=SIZE, seed=0).make((0, 0), stages.append)
    assert stages == ["decode", "warp", "labels"]


@each_dataset
def test_a_bad_image_is_an_error_with_its_name(dataset_type: type[CropDataset], tmp_path: Path) -> None:
    path = tmp_path / "img_1.jpg"
    path.write_bytes(b"\xff\xd8\xff\xda")
    broken = AnnotatedImage(path, (), np.empty(0, bool), ())
    with pytest.raises(DataError, match=r"img_1.jpg: truncated JPEG"):
        dataset_type([broken], image_size=SIZE, seed=0)[0, 0]
