"""The size of an image in a network."""

from __future__ import annotations

import pytest

from ocr_models.detection.inference import MAX_PIXELS, scaled_size


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((720, 1280), 736, (736, 1308)),
        ((1, 1), 736, (736, 736)),
        ((4096, 4096), 4096, (4096, 4096)),
        ((733, 1001), 733, (733, 1001)),
        ((16, 2), 1, (8, 1)),
    ],
)
def test_the_short_side_is_as_asked(size: tuple[int, int], short_side: int, expected: tuple[int, int]) -> None:
    assert scaled_size(size, short_side) == expected


@pytest.mark.parametrize("size", [(3, 2000), (2000, 3), (1, 60_000), (9000, 14_000)])
def test_an_image_that_would_have_too_many_pixels_is_made_smaller(size: tuple[int, int]) -> None:
    height, width = scaled_size(size, 8192)
    assert height * width == pytest.approx(MAX_PIXELS, rel=0.05)
    assert height / width == pytest.approx(size[0] / size[1], rel=0.05)
