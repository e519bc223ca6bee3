"""Training samples as the loader receives them."""

from __future__ import annotations

import numpy as np
import torch

from ocr_models.detection.pages import AnnotatedImage
from ocr_models.psenet.dataset import PSENetDataset

SIZE = 128


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
