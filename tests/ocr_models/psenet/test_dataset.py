"""Training samples as the loader receives them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.synthetic import synthetic_set
from ocr_models.errors import DataError
from ocr_models.psenet.dataset import PSENetDataset
from ocr_models.sampler import EndlessSampler

SIZE = 128


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[AnnotatedImage, ...]:
    return read_annotated_set(synthetic_set(tmp_path_factory.mktemp("cache"), images=3, test_images=1)).images


def test_a_sample_is_image_packed_maps_and_jitter(images: tuple[AnnotatedImage, ...]) -> None:
    dataset = PSENetDataset(images, image_size=SIZE, seed=0)
    assert len(dataset) == 3
    seen, orders = 0, set()
    for position in range(20):
        image, packed, jitter = dataset[position % 3, position]
        assert (image.shape, image.dtype) == ((SIZE, SIZE, 3), torch.uint8)
        assert (packed.shape, packed.dtype) == ((SIZE, SIZE), torch.uint8)
        assert (jitter.shape, jitter.dtype) == ((3,), torch.float32)
        brightness, saturation, order = jitter.tolist()
        assert abs(brightness - 1) <= 32 / 255 + 1e-6
        assert abs(saturation - 1) <= 0.5 + 1e-6
        orders.add(order)
        seen |= int(np.bitwise_or.reduce(packed.numpy(), axis=None))
    assert orders == {0.0, 1.0}
    assert seen == 0xFF


def test_seed_and_position_make_the_sample(images: tuple[AnnotatedImage, ...]) -> None:
    def sample(seed: int, position: int) -> list[np.ndarray]:
        return [part.numpy() for part in PSENetDataset(images, image_size=SIZE, seed=seed)[1, position]]

    def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
        return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))

    assert equal(sample(0, 5), sample(0, 5))
    assert not equal(sample(0, 5), sample(0, 6))
    assert not equal(sample(0, 5), sample(1, 5))


def test_samples_do_not_depend_on_the_number_of_workers(images: tuple[AnnotatedImage, ...]) -> None:
    cv2.resize(np.zeros((4000, 4000, 3), np.uint8), (2000, 2000))  # OpenCV's threads run before the workers are forked

    def batches(workers: int) -> list[list[torch.Tensor]]:
        loader = DataLoader(
            PSENetDataset(images, image_size=SIZE, seed=4),
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
    class Threads(PSENetDataset):
        def __getitem__(self, key: tuple[int, int]) -> int:  # type: ignore[override]
            super().__getitem__(key)
            return cv2.getNumThreads()

    threads = cv2.getNumThreads()
    loader = DataLoader(Threads(images, image_size=SIZE, seed=0), sampler=[(0, 0), (1, 1)], num_workers=1)
    assert [int(count) for count in loader] == [1, 1]
    assert cv2.getNumThreads() == threads


def test_a_bad_image_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "img_1.jpg"
    path.write_bytes(b"\xff\xd8\xff\xda")
    broken = AnnotatedImage(path, (), np.empty(0, bool), ())
    with pytest.raises(DataError, match=r"img_1.jpg: truncated JPEG"):
        PSENetDataset([broken], image_size=SIZE, seed=0)[0, 0]


def test_polygons_after_the_200th_are_ignored(images: tuple[AnnotatedImage, ...]) -> None:
    path = images[0].path
    word = np.array([(600.0, 300.0), (700, 300), (700, 340), (600, 340)])
    everywhere = np.array([(0.0, 0.0), (1280, 0), (1280, 720), (0, 720)])
    few = AnnotatedImage(path, (word,) * 200, np.zeros(200, bool), ("a",) * 200)
    many = AnnotatedImage(path, (word,) * 200 + (everywhere,), np.append(few.ignored, True), ("a",) * 201)
    first, second = (PSENetDataset([one], image_size=SIZE, seed=0)[0, 3] for one in (few, many))
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)


def test_an_image_without_text_gives_only_the_mask(images: tuple[AnnotatedImage, ...]) -> None:
    bare = AnnotatedImage(images[0].path, (), np.empty(0, bool), ())
    dataset = PSENetDataset([bare], image_size=SIZE, seed=0)
    for position in range(5):
        assert set(dataset[0, position][1].flatten().tolist()) <= {0, 0x80}
