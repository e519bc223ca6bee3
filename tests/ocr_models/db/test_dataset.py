"""Training samples as the loader receives them, and what they become on the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ocr_models.db.dataset import DBDataset
from ocr_models.db.prepare import PrepareBatch
from ocr_models.detection.pages import AnnotatedImage

SIZE = 128


def test_a_sample_is_image_masks_and_threshold(images: tuple[AnnotatedImage, ...]) -> None:
    dataset = DBDataset(images, image_size=SIZE, seed=0)
    assert len(dataset) == 3
    masks_seen, levels_seen = 0, set()
    for position in range(20):
        image, masks, threshold = dataset[position % 3, position]
        assert (image.shape, image.dtype) == ((SIZE, SIZE, 3), torch.uint8)
        assert (masks.shape, masks.dtype) == ((SIZE, SIZE), torch.uint8)
        assert (threshold.shape, threshold.dtype) == ((SIZE, SIZE), torch.uint8)
        masks_seen |= int(np.bitwise_or.reduce(masks.numpy(), axis=None))
        levels_seen |= set(threshold.flatten().tolist())
    assert masks_seen == 0b111
    assert len(levels_seen) > 200


def test_an_image_without_text_gives_empty_labels(images: tuple[AnnotatedImage, ...]) -> None:
    bare = AnnotatedImage(images[0].path, (), np.empty(0, bool), ())
    _, masks, threshold = DBDataset([bare], image_size=SIZE, seed=0)[0, 3]
    assert (masks == 0b010).all()
    assert not threshold.any()


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_a_batch_becomes_normalised_images_and_four_maps(memory_format: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, 4, 5, 3), dtype=torch.uint8, generator=generator)
    masks = torch.tensor([0, 1, 2, 4, 7], dtype=torch.uint8).expand(2, 4, 5)
    threshold = torch.tensor([0, 255, 51, 128, 0], dtype=torch.uint8).expand(2, 4, 5)
    images, targets = PrepareBatch(memory_format)((pixels, masks, threshold))
    assert images.is_contiguous(memory_format=memory_format)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)
    torch.testing.assert_close(images, expected, rtol=1e-5, atol=1e-6)
    assert targets.shrink_map[0, 0].tolist() == [False, True, False, False, True]
    assert targets.shrink_mask[1, 3].tolist() == [False, False, True, False, True]
    assert targets.threshold_mask[0, 1].tolist() == [False, False, False, True, True]
    assert targets.threshold_map.dtype == torch.float32
    torch.testing.assert_close(targets.threshold_map[1, 2], torch.tensor([0.3, 0.7, 0.38, 0.3 + 0.4 * 128 / 255, 0.3]))
    assert targets.threshold_map[0, 0, :2].tolist() == torch.tensor([0.3, 0.7]).tolist()
