"""The operations of PARSeq's augmentation give the pixels of Pillow's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.components.parseq.baseline.augmentation import PLAIN, plain
from ocr_models.parseq.blur_and_noise import noise
from ocr_models.parseq.draw import Draw, Operation
from ocr_models.parseq.operations import OPERATIONS

BY_NAME = {operation.__name__: operation for operation in OPERATIONS}
MAY_ROUND_OTHERWISE = {"rotate", "shear_x", "shear_y", "shift_x", "shift_y"}
"""Their weights are rounded in another order, which moves a value that is whole but for the last bit."""


def crop(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth coloured image with dark letters, (H, W, 3)."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(60, 230, (4, 9, 3), np.uint8)
    image = np.ascontiguousarray(cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC))
    cv2.putText(
        image, "Word", (2, height * 3 // 4), cv2.FONT_HERSHEY_SIMPLEX, height / 32, (20, 30, 70), 2, cv2.LINE_AA
    )
    return image


IMAGES = {
    "wide": crop(40, 170),
    "small": crop(17, 60, 1),
    "upright": crop(90, 40, 2),
    "one pixel": np.full((1, 1, 3), 7, np.uint8),
    "noise": np.random.default_rng(3).integers(0, 256, (9, 5, 3), np.uint8),
    "flat": np.full((20, 50, 3), (77, 255, 0), np.uint8),
}


def test_all_operations_but_noise_have_a_counterpart_of_pillow() -> None:
    assert len(OPERATIONS) == 16
    assert set(BY_NAME) == {*PLAIN, "noise"}


@pytest.mark.parametrize("name", PLAIN)
def test_an_operation_gives_the_pixels_of_pillow(name: str) -> None:
    rng = np.random.default_rng(0)
    for image in IMAGES.values():
        before = image.copy()
        for sign in (1.0, -1.0):
            for cubic in (False, True):
                result, expected = BY_NAME[name](image, Draw(sign, cubic, rng)), plain(name, image, sign, cubic)
                assert result.shape == expected.shape
                assert result.dtype == np.uint8
                difference = np.abs(result.astype(int) - expected)
                assert difference.max() <= (1 if name in MAY_ROUND_OTHERWISE else 0)
                if len(image) > 9:
                    assert np.mean(difference > 0) < 0.1
        assert np.array_equal(image, before)


def drawn_noise(height: int, width: int, level: int) -> np.ndarray:
    """The noise added to a flat image, (H, W, 3)."""
    image = np.full((height, width, 3), level, np.uint8)
    return noise(image, Draw(1.0, False, np.random.default_rng(0))).astype(int) - level


@pytest.mark.parametrize(("size", "rate"), [((100, 400), 21), ((150, 40), 21), ((60, 37), 13), ((40, 30), 9)])
def test_noise_is_poisson_with_a_random_sign_and_equal_in_the_three_channels(size: tuple[int, int], rate: int) -> None:
    added = drawn_noise(*size, level=128)
    assert np.array_equal(added, added[..., :1].repeat(3, axis=2))
    values = added[..., 0].ravel()
    assert abs(values.mean()) < 5 * rate / np.sqrt(len(values))
    assert abs(np.abs(values).mean() - rate) < 5 * np.sqrt(rate / len(values))
    assert np.abs(values).var() == pytest.approx(rate, rel=0.15)
    seen = np.bincount(np.abs(values), minlength=256)[:50] / len(values)
    drawn = np.bincount(np.random.default_rng(1).poisson(rate, 400_000), minlength=256)[:50] / 400_000
    assert np.abs(seen - drawn).max() < 5 * np.sqrt(drawn.max() / len(values))


def test_noise_is_cut_off_at_black_and_white() -> None:
    assert drawn_noise(50, 50, level=0).min() == 0
    assert drawn_noise(50, 50, level=255).max() == 0


def test_noise_comes_from_the_generator() -> None:
    def result(seed: int) -> np.ndarray:
        return noise(IMAGES["wide"], Draw(1.0, False, np.random.default_rng(seed)))

    assert np.array_equal(result(1), result(1))
    assert not np.array_equal(result(1), result(2))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_direction_is_the_sign(operation: Operation) -> None:
    """Operations with a direction differ in it; the others ignore it."""
    directed = {"rotate", "colour", "contrast", "brightness", "shear_x", "shear_y", "shift_x", "shift_y"}
    one, other = (operation(IMAGES["wide"], Draw(sign, True, np.random.default_rng(0))) for sign in (1.0, -1.0))
    assert np.array_equal(one, other) != (operation.__name__ in directed)
