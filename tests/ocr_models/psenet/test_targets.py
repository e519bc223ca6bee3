"""Kernels and label maps from first principles."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_models.psenet.targets import draw_targets, shrink_polygon

RECTANGLE = np.array([(100, 200), (200, 200), (200, 240), (100, 240)])  # 100 x 40: area 4000, perimeter 280


def box(polygon: np.ndarray) -> list[int]:
    return [*polygon.min(0).tolist(), *polygon.max(0).tolist()]


@pytest.mark.parametrize(
    ("rate", "distance"),
    [(0.9, 3), (0.8, 5), (0.7, 7), (0.6, 9), (0.5, 11), (0.4, 12)],  # 4000 / 280 * (1 - rate^2), rounded
)
def test_a_rectangle_shrinks_by_area_times_one_minus_rate_squared_over_perimeter(rate: float, distance: int) -> None:
    expected = [100 + distance, 200 + distance, 200 - distance, 240 - distance]
    assert box(shrink_polygon(RECTANGLE, rate)) == expected
    assert box(shrink_polygon(RECTANGLE[::-1], rate)) == expected


def test_no_polygon_shrinks_by_more_than_the_limit() -> None:
    assert box(shrink_polygon(RECTANGLE * 10, 0.4)) == [1020, 2020, 1980, 2380]
    assert box(shrink_polygon(RECTANGLE * 10, 0.4, max_shrink=7)) == [1007, 2007, 1993, 2393]


def test_vertices_are_truncated_before_anything_else() -> None:
    np.testing.assert_array_equal(shrink_polygon(RECTANGLE + 0.99, 0.5), shrink_polygon(RECTANGLE, 0.5))


@pytest.mark.parametrize(
    "polygon",
    [
        [(0, 0), (100, 0), (100, 2), (0, 2)],  # the distance is 1: nothing is left of a height of 2
        [(5, 5), (5, 5), (5, 5), (5, 5)],
        [(0, 0), (9, 9), (0, 0), (9, 9)],
    ],
)
def test_a_polygon_that_would_vanish_is_unchanged(polygon: list[tuple[int, int]]) -> None:
    np.testing.assert_array_equal(shrink_polygon(np.array(polygon), 0.4), polygon)


def test_of_several_parts_one_is_kept() -> None:
    dumbbell = [(0, 0), (60, 0), (60, 28), (140, 28), (140, 0), (200, 0), (200, 60), (140, 60), (140, 32), (60, 32)]
    shrunk = shrink_polygon(np.array([*dumbbell, (60, 60), (0, 60)]), 0.4)
    left, _, right, _ = box(shrunk)
    assert right < 60 or left > 140


def test_filling_includes_the_outline() -> None:
    gt_text, gt_kernels, training_mask = draw_targets(
        [np.array([(2, 3), (6, 3), (6, 5), (2, 5)])], np.array([False]), (10, 12)
    )
    expected = np.zeros((10, 12), np.uint8)
    expected[3:6, 2:7] = 1
    np.testing.assert_array_equal(gt_text, expected)
    assert gt_kernels.shape == (6, 10, 12)
    assert training_mask.all()
    assert {gt_text.dtype, gt_kernels.dtype, training_mask.dtype} == {np.dtype(np.uint8)}


def test_ignored_polygons_are_text_with_kernels_but_not_trained_on() -> None:
    gt_text, gt_kernels, training_mask = draw_targets([RECTANGLE], np.array([True]), (300, 300))
    np.testing.assert_array_equal(training_mask, 1 - gt_text)
    areas = gt_kernels.sum((1, 2)).tolist()
    assert areas == [(101 - 2 * d) * (41 - 2 * d) for d in (3, 5, 7, 9, 11, 12)]


def test_at_most_200_polygons_are_drawn() -> None:
    far = RECTANGLE + 300
    gt_text, _, training_mask = draw_targets([RECTANGLE] * 200 + [far], np.array([False] * 200 + [True]), (600, 600))
    assert gt_text[220, 150]
    assert not gt_text[300:].any()
    assert training_mask.all()


def test_no_polygons_give_empty_maps() -> None:
    gt_text, gt_kernels, training_mask = draw_targets([], np.empty(0, bool), (32, 64))
    assert not gt_text.any()
    assert not gt_kernels.any()
    assert training_mask.all()
