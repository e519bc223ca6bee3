"""Boxes and polygons against those of another implementation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ocr_models.db import boxes, polygons
from parity import DB_FOLDER, Arrays, cases, needs_db_numbers

pytestmark = needs_db_numbers


def maps() -> dict[str, Arrays]:
    found = cases(DB_FOLDER / "boxes.npz")
    assert found
    return found


def probability_and_size(case: Arrays) -> tuple[NDArray[np.float32], tuple[int, int]]:
    width, height = case["dest"].tolist()
    return case["map"].astype(np.float32) / np.float32(255), (height, width)


@pytest.mark.parametrize(("threshold", "suffix"), [(0.7, ""), (0.5, "_at_0.5")])
def test_boxes_are_the_same(threshold: float, suffix: str) -> None:
    for name, case in maps().items():
        found, scores = boxes(*probability_and_size(case), box_threshold=threshold)
        expected, is_tie = case[f"boxes{suffix}"], case[f"boxes{suffix}_other_opencv"]
        assert found.shape == expected.shape, name
        np.testing.assert_array_equal(found[~is_tie], expected[~is_tie], err_msg=name)
        np.testing.assert_allclose(scores, case[f"scores{suffix}"], rtol=0, atol=1e-6, err_msg=name)


def test_polygons_are_the_same() -> None:
    with_polygons = {name: case for name, case in maps().items() if "polygon_lengths" in case}
    assert with_polygons
    for name, case in with_polygons.items():
        found, scores = polygons(*probability_and_size(case))
        assert [len(polygon) for polygon in found] == case["polygon_lengths"].tolist(), name
        np.testing.assert_array_equal(np.concatenate(found), case["polygon_points"], err_msg=name)
        np.testing.assert_allclose(scores, case["polygon_scores"], rtol=0, atol=1e-6, err_msg=name)
