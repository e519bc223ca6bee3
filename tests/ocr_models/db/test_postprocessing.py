"""Probability maps to boxes and polygons: cases made by hand, and a plain implementation on random maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyclipper
import pytest
import shapely
from numpy.typing import NDArray

from benchmarks.components.db.baseline.postprocessing import baseline_boxes
from ocr_models.db import boxes, polygons

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom; ends included


def drawn(size: tuple[int, int], *rectangles: Rectangle, value: float = 0.9) -> NDArray[np.float32]:
    """(H, W): `value` inside the rectangles, 0.1 elsewhere."""
    probability = np.full(size, 0.1, np.float32)
    for left, top, right, bottom in rectangles:
        probability[top : bottom + 1, left : right + 1] = value
    return probability


def blobs(seed: int, size: tuple[int, int] = (90, 140), softness: int = 7) -> NDArray[np.float32]:
    """(H, W): smooth noise, in which texts touch, have holes and leave the map."""
    noise = np.random.default_rng(seed).normal(size=size)
    smooth = cv2.GaussianBlur(noise, (softness, softness), 0)
    return np.asarray(1 / (1 + np.exp(-8 * smooth / smooth.std() - 1)), np.float32)


def test_a_rectangle_grows_and_is_scaled_to_the_original_image() -> None:
    # Corners (20, 30) to (50, 40): area 300, perimeter 80, so it grows by 5.6 pixels, drawn as 6.
    found, scores = boxes(drawn((100, 80), (20, 30, 50, 40)), (300, 160))
    assert found.tolist() == [[[28, 72], [112, 72], [112, 138], [28, 138]]]
    assert scores.tolist() == pytest.approx([0.9])


def test_boxes_are_clipped_to_the_original_image() -> None:
    found, _ = boxes(drawn((40, 60), (0, 0, 59, 39)), (80, 120))
    assert found.tolist() == [[[0, 0], [120, 0], [120, 80], [0, 80]]]


def test_corners_begin_with_the_upper_left_one_at_any_angle() -> None:
    for degrees in range(-85, 90, 10):
        probability = drawn((200, 200))
        cv2.fillPoly(probability, [cv2.boxPoints(((100, 100), (80, 20), degrees)).astype(np.int32)], 0.9)
        (corners,), _ = boxes(probability, (200, 200))
        left, right = sorted(corners.tolist())[:2], sorted(corners.tolist())[2:]
        assert corners.tolist() == [
            min(left, key=lambda corner: corner[1]),
            min(right, key=lambda corner: corner[1]),
            max(right, key=lambda corner: corner[1]),
            max(left, key=lambda corner: corner[1]),
        ]


@pytest.mark.parametrize("find", [boxes, polygons])
@pytest.mark.parametrize(("value", "threshold", "count"), [(0.72, 0.7, 1), (0.68, 0.7, 0), (0.68, 0.5, 1)])
def test_a_text_that_is_not_sure_enough_is_dropped(
    find: Callable[..., Any], value: float, threshold: float, count: int
) -> None:
    assert len(find(drawn((60, 80), (20, 20, 60, 30), value=value), (60, 80), threshold)[0]) == count


def test_a_score_is_compared_with_the_threshold_as_float64() -> None:
    probability = drawn((60, 80), (20, 20, 60, 30), value=0.75)
    assert len(boxes(probability, (60, 80), 0.75)[0]) == 1
    assert len(boxes(probability, (60, 80), np.nextafter(0.75, 1))[0]) == 0


def test_the_score_is_the_mean_inside_the_contour_and_counts_holes() -> None:
    probability = drawn((60, 80), (20, 20, 60, 30))
    probability[25, 25:55] = 0.2
    _, scores = boxes(probability, (60, 80), 0.5)
    assert scores[-1] == pytest.approx((421 * 0.9 + 30 * 0.2) / 451)


def test_the_contour_of_a_hole_is_a_candidate_too() -> None:
    probability = drawn((60, 80), (20, 10, 60, 50), value=0.95)
    probability[20:40, 30:50] = 0.29
    hole = 400 * 0.29 + 80 * 0.95  # its contour runs through the pixels around it
    _, scores = boxes(probability, (60, 80), 0.3)
    assert sorted(scores) == pytest.approx([hole / 480, (hole + (41 * 41 - 480) * 0.95) / 41**2])


@pytest.mark.parametrize(("height", "count"), [(3, 0), (4, 1)])
def test_a_rectangle_with_a_side_below_three_is_dropped(height: int, count: int) -> None:
    found, _ = boxes(drawn((60, 80), (20, 20, 60, 20 + height - 1)), (60, 80))  # height - 1 between its outer pixels
    assert len(found) == count


def test_a_probability_of_the_threshold_is_not_text() -> None:
    assert len(boxes(drawn((60, 80), (20, 20, 60, 30), value=0.3), (60, 80), 0.1)[0]) == 0
    above = float(np.nextafter(np.float32(0.3), np.float32(1)))
    assert len(boxes(drawn((60, 80), (20, 20, 60, 30), value=above), (60, 80), 0.1)[0]) == 1


def test_probabilities_are_compared_as_float32() -> None:
    probability = drawn((60, 80), (20, 20, 60, 30)).astype(np.float64)
    probability[probability > 0.5] = 0.3 + 1e-12
    assert len(boxes(probability, (60, 80), 0.1)[0]) == 0


def plain_polygons(probability: NDArray[np.float32], original_size: tuple[int, int]) -> list[NDArray[Any]]:
    """The polygons of the recipe, with a mask of the whole map for each contour."""
    binary = (probability > 0.3).astype(np.uint8)
    found = []
    for contour in cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
        points = cv2.approxPolyDP(contour, 0.005 * cv2.arcLength(contour, True), True)[:, 0]
        mask = cv2.drawContours(np.zeros_like(binary), [contour], 0, 1, cv2.FILLED)
        if len(points) < 4 or probability[mask == 1].mean(dtype=np.float64) < 0.7:
            continue
        outline, offset = shapely.Polygon(points), pyclipper.PyclipperOffset()
        offset.AddPath(points.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
        paths = offset.Execute(outline.area * 1.5 / outline.length)
        if len(paths) == 1 and min(cv2.minAreaRect(np.array(paths[0], np.int32))[1]) >= 5:
            to_original = np.array(original_size[::-1]), np.array(probability.shape[::-1])
            found.append(np.clip(np.round(np.array(paths[0]) / to_original[1] * to_original[0]), 0, to_original[0]))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_random_maps_have_the_polygons_of_a_plain_implementation(seed: int) -> None:
    probability = blobs(seed, softness=(5, 9, 15)[seed % 3])
    size = (225, 350)  # 2.5 times the map, so that many coordinates are halves before they are rounded
    found, expected = polygons(probability, size)[0], plain_polygons(probability, size)
    assert len(found) == len(expected) > 0
    for polygon, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(polygon, same)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("threshold", [0.5, 0.7])
def test_random_maps_have_the_boxes_of_a_plain_implementation(seed: int, threshold: float) -> None:
    probability = blobs(seed, softness=(7, 9, 15)[seed % 3])
    found, scores = boxes(probability, (225, 350), threshold)
    expected, expected_scores = baseline_boxes(probability, (225, 350), threshold)
    assert len(expected) > 0
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(scores, expected_scores, rtol=0, atol=1e-9)


def test_only_the_first_thousand_contours_are_looked_at() -> None:
    cell = drawn((10, 12), (2, 2, 9, 7))
    page = np.tile(cell, (40, 30))
    found, _ = boxes(page, page.shape)
    contours, _ = cv2.findContours((page > 0.3).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    assert len(contours) == 1200
    assert len(found) == 1000
    assert len(polygons(page, page.shape)[0]) == 1000


def test_a_polygon_follows_a_bent_text() -> None:
    probability = drawn((120, 120), (20, 20, 40, 100), (20, 80, 100, 100))
    (polygon,), scores = polygons(probability, (120, 120))
    assert scores.tolist() == pytest.approx([0.9])
    area, box_area = cv2.contourArea(polygon), cv2.contourArea(boxes(probability, (120, 120))[0][0])
    assert 20 * 80 + 20 * 60 < area < 0.7 * box_area
    assert cv2.pointPolygonTest(polygon, (70, 50), measureDist=False) < 0  # outside, in the bend


def test_a_polygon_is_scaled_and_clipped() -> None:
    (polygon,), _ = polygons(drawn((40, 60), (0, 0, 59, 39)), (80, 180))
    assert (polygon.min(axis=0).tolist(), polygon.max(axis=0).tolist()) == ([0, 0], [180, 80])


HOSTILE = {
    "zeros": np.zeros((40, 50), np.float32),
    "NaN": np.full((40, 50), np.nan, np.float32),
    "one row": np.ones((1, 50), np.float32),
    "one column": np.ones((50, 1), np.float32),
    "one pixel": np.ones((1, 1), np.float32),
    "minus infinity": np.full((40, 50), -np.inf, np.float32),
    "single pixels": np.kron(np.ones((20, 20)), np.array([[1, 0], [0, 0]])).astype(np.float32),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("find", [boxes, polygons])
def test_maps_without_a_text_have_no_boxes(find: Callable[..., Any], name: str) -> None:
    found, scores = find(HOSTILE[name], (72, 128), 0.0)
    assert len(found) == len(scores) == 0


def test_a_bent_line_of_pixels_has_a_box_but_no_polygon() -> None:
    line = drawn((60, 60), (10, 10, 10, 40), (10, 40, 40, 40), (40, 40, 40, 55))
    assert len(boxes(line, (60, 60))[0]) == 1
    assert polygons(line, (60, 60))[0] == []


def test_a_zigzag_of_pixels_has_no_area_and_no_polygon() -> None:
    line = drawn((60, 60))
    cv2.polylines(line, [np.array([[10, 10], [20, 20], [30, 10], [40, 20], [50, 10]])], False, 0.9)
    assert polygons(line, (60, 60))[0] == []


def test_nothing_found_has_the_shape_of_boxes() -> None:
    found, scores = boxes(HOSTILE["zeros"], (72, 128))
    assert (found.shape, scores.shape) == ((0, 4, 2), (0,))


@pytest.mark.parametrize("find", [boxes, polygons])
def test_nan_is_not_text_and_drops_the_text_around_it(find: Callable[..., Any]) -> None:
    probability = drawn((60, 120), (20, 20, 50, 30), (70, 20, 100, 30))
    beside = probability.copy()
    beside[:15] = np.nan
    assert len(find(beside, (60, 120))[0]) == 2
    beside[25, 35] = np.nan
    (kept,), _ = find(beside, (60, 120))
    assert kept[:, 0].min() > 50


def test_any_memory_layout_and_precision_gives_the_same_boxes() -> None:
    probability = blobs(3)
    expected, expected_scores = boxes(probability, (90, 140))
    assert len(expected) > 0
    wide = np.repeat(probability, 2, axis=1)[:, ::2]
    for same in (wide, np.asfortranarray(probability), probability.astype(np.float64), probability.tolist()):
        found, scores = boxes(same, (90, 140))
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(scores, expected_scores)


def test_the_map_is_left_as_it_is() -> None:
    probability = blobs(4)
    before = probability.copy()
    boxes(probability, (90, 140))
    polygons(probability, (90, 140))
    np.testing.assert_array_equal(probability, before)


@pytest.mark.parametrize("find", [boxes, polygons])
@pytest.mark.parametrize("shape", [(), (5,), (1, 40, 50), (0, 50), (40, 0)])
def test_anything_but_a_map_is_refused(find: Callable[..., Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"probability must have the shape \(H, W\), both at least 1, not \("):
        find(np.zeros(shape, np.float32), (40, 50))


@pytest.mark.parametrize("find", [boxes, polygons])
@pytest.mark.parametrize("size", [(), (40,), (40, 50, 3), (0, 50), (40, -1)])
def test_anything_but_a_size_is_refused(find: Callable[..., Any], size: Any) -> None:
    with pytest.raises(ValueError, match=r"original_size must be \(height, width\), both at least 1, not \("):
        find(np.zeros((40, 50), np.float32), size)
