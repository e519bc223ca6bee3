"""Rectangles that grow all at once, against the offsetting library."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocr_models.db.growing import grow_outline, grow_rectangles


def random_rectangles(count: int, largest: float, seed: int, furthest: float = 700) -> NDArray[np.float32]:
    """(count, 4, 2) at any angle, many of them at angles and corners that make ties."""
    generator = np.random.default_rng(seed)
    found = []
    for index in range(count):
        centre, size = generator.uniform(-5, furthest, 2), generator.uniform(3, largest, 2)
        if index % 3 == 0:
            centre, size = np.rint(2 * centre) / 2, np.rint(size)
        degrees = (0, 45, 90, generator.integers(-90, 90), generator.uniform(-90, 90))[index % 5]
        corners = cv2.boxPoints((centre.tolist(), size.tolist(), float(degrees)))
        found.append(np.roll(corners, index % 4, axis=0))
    return np.array(found, np.float32)


@pytest.mark.parametrize("largest", [4, 6, 20, 60, 400])
def test_the_rectangle_around_each_grown_one_is_exactly_that_of_the_library(largest: float) -> None:
    rectangles = random_rectangles(500, largest, seed=int(largest))
    outlines = grow_rectangles(rectangles)
    assert len(outlines) == len(rectangles)
    for rectangle, outline in zip(rectangles, outlines, strict=True):
        (expected,) = grow_outline(rectangle)
        np.testing.assert_array_equal(cv2.convexHull(outline), cv2.convexHull(expected))
        assert cv2.minAreaRect(outline) == cv2.minAreaRect(expected)


def test_small_rectangles_at_the_origin_are_those_of_the_library() -> None:
    # Truncation moves corners on both sides of 0 towards each other, so that angles are far from right ones.
    rectangles = random_rectangles(500, 4, seed=0, furthest=5)
    for rectangle, outline in zip(rectangles, grow_rectangles(rectangles), strict=True):
        (expected,) = grow_outline(rectangle)
        assert cv2.minAreaRect(outline) == cv2.minAreaRect(expected)


def test_rectangles_grow_by_their_own_distance_whatever_the_others_are() -> None:
    rectangles = random_rectangles(20, 200, seed=1)
    for rectangle, outline in zip(rectangles, grow_rectangles(rectangles), strict=True):
        (alone,) = grow_rectangles(rectangle[None])
        np.testing.assert_array_equal(outline, alone)


def test_an_outline_grows_by_its_area_over_its_perimeter_times_one_and_a_half() -> None:
    (grown,) = grow_outline(np.array([[0, 0], [30, 0], [30, 10], [0, 10]]))  # 1.5 * 300 / 80 = 5.6
    assert grown.min(axis=0).tolist() == [-6, -6]
    assert grown.max(axis=0).tolist() == [36, 16]


def test_no_rectangles_grow_to_none() -> None:
    assert grow_rectangles(np.empty((0, 4, 2), np.float32)) == []
