"""Batches of polygons."""

from __future__ import annotations

import numpy as np

from ocr_models.detection.polygons import PolygonBatch

SQUARE = np.array([(10.0, 10), (20, 10), (20, 20), (10, 20)])
TRIANGLE = np.array([(0.0, 0), (30, 0), (0, 40)])
BATCH = PolygonBatch.of([SQUARE, TRIANGLE, SQUARE[::-1] * 2])


def test_areas_and_perimeters() -> None:
    assert BATCH.areas().tolist() == [100, 600, 400]
    assert BATCH.perimeters().tolist() == [40, 120, 80]
    far = BATCH.with_points(BATCH.points + 1e9)
    assert far.areas().tolist() == [100, 600, 400]
    assert PolygonBatch.of([]).areas().tolist() == []
    assert PolygonBatch.of([]).perimeters().tolist() == []


def test_some_polygons_are_kept() -> None:
    kept = BATCH.kept(np.array([False, True, True]))
    for polygon, expected in zip(kept.arrays(), (TRIANGLE, SQUARE[::-1] * 2), strict=True):
        np.testing.assert_array_equal(polygon, expected)
    assert len(BATCH.kept(np.zeros(3, bool))) == 0
    assert len(PolygonBatch.of([]).kept(np.empty(0, bool))) == 0
