"""An image to text boxes, through a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.detection.layers import ColourJitter
from ocr_models.psenet import PSENet
from ocr_models.psenet.inference import TextDetector


class Thresholding(nn.Module):
    """Replaces a network: bright pixels are text and kernels, at a quarter of the image's size."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, images: Tensor) -> Tensor:
        assert not self.training
        bright = F.avg_pool2d(images.mean(1, keepdim=True), 4)  # (N, 1, h/4, w/4)
        return (self.scale * bright).expand(-1, 7, -1, -1)


def test_a_bright_rectangle_is_found_in_the_pixels_of_the_image() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    image[100:180, 200:440] = 255
    (box,) = TextDetector(Thresholding(), short_side=320)(image)
    assert sorted(box.polygon[:, 0]) == pytest.approx([200, 200, 440, 440], abs=4)
    assert sorted(box.polygon[:, 1]) == pytest.approx([100, 100, 180, 180], abs=4)
    (corners,) = TextDetector(Thresholding(), short_side=320).quadrilaterals(image)
    assert np.array_equal(corners, box.polygon)


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((720, 1280), 736, (736, 1312)),
        ((720, 1280), 320, (320, 576)),
        ((1280, 720), 320, (576, 320)),
        ((5, 5), 64, (64, 64)),
    ],
)
def test_the_short_side_is_scaled_and_both_are_rounded_up(
    size: tuple[int, int], short_side: int, expected: tuple[int, int]
) -> None:
    assert TextDetector(Thresholding(), short_side).network_size(size) == expected


def test_the_network_sees_images_normalised_as_in_training() -> None:
    seen = []

    class Watching(Thresholding):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return super().forward(images)

    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    TextDetector(Watching(), short_side=64).logits(image)
    expected = ColourJitter()(torch.from_numpy(image)[None], torch.tensor([[1.0, 1.0, 0.0]]))
    torch.testing.assert_close(seen[0], expected)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("training", [True, False])
def test_a_model_is_left_in_the_mode_and_with_the_statistics_it_had(training: bool) -> None:
    model = PSENet("resnet18", 16, 16).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits = TextDetector(model, short_side=64).logits(np.zeros((64, 96, 3), np.uint8))
    assert logits.shape == (7, 16, 24)
    assert all(module.training is training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
