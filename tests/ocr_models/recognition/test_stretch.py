"""The resampling of word images against Pillow's."""

from __future__ import annotations

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from ocr_models.recognition.stretch import grey_of, stretch

Size = tuple[int, int]

ROWS_FIRST = int(PIL.__version__.partition(".")[0]) >= 13
"""Older versions of Pillow always resample columns first."""


def noise(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Black and white pixels, whose interpolation overshoots most."""
    return np.random.default_rng(0).integers(0, 2, shape).astype(np.uint8) * 255


def pillow(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 300), st.sampled_from([(32, 100), (32, 128), (7, 5)]), st.booleans())
def test_every_pixel_is_that_of_pillow(height: int, width: int, size: Size, grey: bool) -> None:
    if not ROWS_FIRST:
        height = min(height, size[0])
    image = noise((height, width) if grey else (height, width, 3))
    np.testing.assert_array_equal(stretch(image, *size), pillow(image, size))


def test_an_image_of_the_right_size_is_copied() -> None:
    image = noise((32, 100, 3))
    found = stretch(image, 32, 100)
    np.testing.assert_array_equal(found, image)
    assert not np.shares_memory(found, image)


def test_an_image_that_is_a_view_is_read_right() -> None:
    image = noise((80, 120, 3))[::2, ::-1]
    np.testing.assert_array_equal(stretch(image, 32, 100), stretch(image.copy(), 32, 100))


def test_rows_come_first_where_many_of_them_go() -> None:
    image = noise((64, 64))
    by_rows = stretch(stretch(image, 32, 64), 32, 100)
    np.testing.assert_array_equal(stretch(image, 32, 100), by_rows)
    assert (stretch(stretch(image, 64, 100), 32, 100) != by_rows).any()


def test_columns_come_first_where_fewer_rows_go_than_twice_the_columns() -> None:
    image = noise((64, 120))  # loses 32 rows and 20 columns
    by_columns = stretch(stretch(image, 64, 100), 32, 100)
    np.testing.assert_array_equal(stretch(image, 32, 100), by_columns)
    assert (stretch(stretch(image, 32, 120), 32, 100) != by_columns).any()


def test_grey_is_that_of_pillow_for_all_colours() -> None:
    levels = np.arange(0, 256, 3).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(86, -1, 3)
    np.testing.assert_array_equal(grey_of(colours), np.asarray(Image.fromarray(colours).convert("L")))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (3, 2, 3)])
def test_tiny_images_are_stretched(shape: tuple[int, ...]) -> None:
    image = noise(shape)
    np.testing.assert_array_equal(stretch(image, 32, 100), pillow(image, (32, 100)))
