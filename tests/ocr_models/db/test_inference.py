"""An image to text boxes, through a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ocr_models.db.inference import TextDetector, detector_for
from ocr_models.db.postprocessing import boxes
from ocr_models.detection.layers import IMAGENET_MEAN, IMAGENET_STD


class Brightness(nn.Module):
    """Replaces a network: the brightness of a pixel is its probability."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.seen: list[Tensor] = []

    def probability(self, images: Tensor) -> Tensor:
        assert not any(module.training for module in self.modules())
        assert not torch.is_autocast_enabled("cpu")
        self.seen.append(images)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        return (images * std + mean).mean(1, keepdim=True)  # (N, 1, h, w)


class Failing(Brightness):
    def probability(self, images: Tensor) -> Tensor:
        raise RuntimeError("out of memory")


def image_with_texts() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = np.zeros((360, 640, 3), np.uint8)
    image[100:140, 200:440] = 255
    image[200:260, 300:380] = 204
    return image


def test_bright_rectangles_are_found_in_the_pixels_of_the_image() -> None:
    second, first = TextDetector(Brightness(), short_side=720)(image_with_texts())
    # In the map the upper one is 480x80 pixels, so it grows by 51 of them, 26 of the image.
    assert first.polygon.dtype == np.float64
    np.testing.assert_allclose(first.polygon, [[174, 74], [465, 74], [465, 165], [174, 165]], atol=1)
    assert (first.score, second.score) == pytest.approx((1.0, 0.8), abs=0.02)


def test_quadrilaterals_are_the_corners_of_the_texts() -> None:
    detector = TextDetector(Brightness(), short_side=360)
    corners = detector.quadrilaterals(image_with_texts())
    assert [each.tolist() for each in corners] == [box.polygon.tolist() for box in detector(image_with_texts())]
    expected, _ = boxes(detector.probability_map(image_with_texts()), (360, 640))
    np.testing.assert_array_equal(corners, expected)


def test_texts_below_the_threshold_are_dropped() -> None:
    counts = [len(TextDetector(Brightness(), 360, box_threshold=each)(image_with_texts())) for each in (0.7, 0.9)]
    assert counts == [2, 1]


@pytest.mark.parametrize(
    ("size", "short_side", "reduce_larger", "expected"),
    [
        ((720, 1280), 736, False, (736, 1308)),
        ((1280, 720), 736, False, (1308, 736)),
        ((736, 999), 736, False, (736, 999)),
        ((1080, 1920), 736, False, (1080, 1920)),
        ((1080, 1920), 736, True, (736, 1308)),
        ((720, 1280), 368, False, (720, 1280)),
        ((720, 1280), 368, True, (368, 654)),
        ((100, 200), 368, True, (368, 736)),
        ((1000, 1), 2, False, (2000, 2)),
        ((3, 2000), 736, False, (159, 105758)),
        ((9000, 14000), 736, False, (3284, 5109)),
    ],
)
def test_small_images_are_enlarged_and_large_ones_reduced_if_asked(
    size: tuple[int, int], short_side: int, reduce_larger: bool, expected: tuple[int, int]
) -> None:
    assert TextDetector(Brightness(), short_side, reduce_larger).network_size(size) == expected


def test_the_probability_map_has_the_network_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 101, 3), np.uint8)
    found = TextDetector(Brightness(), short_side=60).probability_map(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, image.mean(axis=2) / 255, atol=1e-6)
    assert TextDetector(Brightness(), short_side=96).probability_map(image).shape == (96, 162)


@pytest.mark.parametrize(
    ("image_size", "size", "expected"),
    [
        (640, (720, 1280), (736, 1308)),
        (640, (1080, 1920), (1080, 1920)),
        (320, (720, 1280), (368, 654)),
        (320, (360, 640), (368, 654)),
        (1024, (720, 1280), (1178, 2094)),
    ],
)
def test_images_are_scaled_as_the_size_of_the_training_asks(
    image_size: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert detector_for(Brightness(), image_size).network_size(size) == expected


@pytest.mark.parametrize(("grey", "count"), [(135, 0), (146, 1)])  # of 255: 0.53 and 0.57
def test_the_detector_of_a_training_drops_texts_below_the_authors_threshold(grey: int, count: int) -> None:
    image = np.zeros((400, 640, 3), np.uint8)
    image[100:140, 200:440] = grey
    assert len(detector_for(Brightness(), 320)(image)) == count


@pytest.mark.parametrize("training", [True, False])
def test_a_model_is_left_in_the_mode_it_had(training: bool) -> None:
    model = Brightness().train(training)
    with torch.autocast("cpu"):
        TextDetector(model, short_side=64).probability_map(np.zeros((64, 96, 3), np.uint8))
    assert model.seen[0].dtype == torch.float32
    assert model.seen[0].is_contiguous(memory_format=torch.channels_last)
    assert all(module.training is training for module in model.modules())


def test_a_model_that_fails_is_left_in_training_mode() -> None:
    model = Failing()
    with pytest.raises(RuntimeError, match="out of memory"):
        TextDetector(model, short_side=64).probability_map(np.zeros((64, 96, 3), np.uint8))
    assert model.training
