"""Outlines moved inwards and outwards: cases made by hand, and the usual way with shapely and pyclipper."""

from __future__ import annotations

import numpy as np
import pyclipper
import pytest
import shapely

from ocr_models.detection.offsets import offset_distances, offset_polygon
from ocr_models.detection.polygons import PolygonBatch

RECTANGLE = np.array([(100.0, 200), (200, 200), (200, 240), (100, 240)])  # 100 x 40: area 4000, perimeter 280
TRIANGLE = np.array([(0, 0), (30, 0), (0, 40)])  # area 600, perimeter 120
RATIO = 0.84


def box(polygon: np.ndarray) -> list[int]:
    return [*polygon.min(0).tolist(), *polygon.max(0).tolist()]


def test_the_distance_is_a_multiple_of_area_over_perimeter() -> None:
    batch = PolygonBatch.of([RECTANGLE, RECTANGLE[::-1], np.roll(RECTANGLE, 1, axis=0), TRIANGLE, TRIANGLE + 1e7])
    expected = np.array([4000 / 280] * 3 + [600 / 120] * 2)
    for ratio in (RATIO, 1.5):
        np.testing.assert_allclose(offset_distances(batch, ratio), expected * ratio, rtol=1e-12)


def test_a_polygon_without_area_is_not_moved() -> None:
    point, line = np.zeros((4, 2)), np.array([(0, 0), (10, 0), (0, 0), (10, 0)])
    assert offset_distances(PolygonBatch.of([point, line]), RATIO).tolist() == [0, 0]
    assert offset_distances(PolygonBatch.of([]), RATIO).tolist() == []


def test_an_outline_moves_inwards_and_outwards_in_any_order_of_its_corners() -> None:
    for polygon in (RECTANGLE, RECTANGLE[::-1], np.roll(RECTANGLE, 1, axis=0)):
        (shrunk,), (grown,) = offset_polygon(polygon, -12), offset_polygon(polygon, 12)
        assert box(shrunk) == [112, 212, 188, 228]
        assert box(grown) == [88, 188, 212, 252]


def test_nothing_is_left_or_several_parts() -> None:
    assert offset_polygon(RECTANGLE, -21) == []
    waisted = np.array([(0, 0), (50, 18), (100, 0), (100, 40), (50, 22), (0, 40)])
    assert len(offset_polygon(waisted, -5)) == 2


def test_vertices_are_truncated_towards_zero() -> None:
    (grown,) = offset_polygon(np.array([[-0.9, -0.9], [30.9, -0.9], [30.9, 10.9], [-0.9, 10.9]]), 5.0)
    assert box(grown) == [-5, -5, 35, 15]


def random_polygon(rng: np.random.Generator, kind: int) -> np.ndarray:
    """Rectangles with whole or half coordinates, in which distances are halves, and polygons of 3 to 14 vertices."""
    if kind == 0:
        return np.asarray(rng.uniform(-20, 300, (rng.integers(3, 15), 2)))
    unit = 1 if kind == 1 else 2
    left, top, width, height = rng.integers(3, 400, 4) / unit
    if kind == 3:
        height = width = 50.0 * rng.integers(1, 4)
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return np.roll(np.array(corners), rng.integers(4), axis=0)


@pytest.mark.parametrize("ratio", [1 - 0.4**2, 1.5])
def test_random_polygons_move_exactly_as_by_shapely_and_pyclipper(ratio: float) -> None:
    rng = np.random.default_rng(0)
    polygons = [random_polygon(rng, index % 4) for index in range(2000)]
    for polygon, distance in zip(polygons, offset_distances(PolygonBatch.of(polygons), ratio).tolist(), strict=True):
        outline, offset = shapely.Polygon(polygon), pyclipper.PyclipperOffset()
        assert distance == outline.area * ratio / outline.length
        offset.AddPath(polygon.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
        for signed in (-distance, distance):
            assert [part.tolist() for part in offset_polygon(polygon, signed)] == offset.Execute(signed)
