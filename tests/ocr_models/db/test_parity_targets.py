"""Offsets and label maps against those of another implementation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ocr_models.db.growing import GROW_RATIO, grow_outline
from ocr_models.db.targets import OFFSET_RATIO, draw_targets, text_outlines
from ocr_models.detection.offsets import offset_distances, offset_polygon
from ocr_models.detection.polygons import PolygonBatch
from parity import DB_FOLDER, Arrays, cases, needs_db_numbers, unpacked

pytestmark = needs_db_numbers


def stored_cases() -> dict[str, Arrays]:
    return cases(DB_FOLDER / "labels.npz") if DB_FOLDER.is_dir() else {}


def first_part(parts: list[np.ndarray]) -> list[list[int]]:
    found: list[list[int]] = parts[0].tolist() if parts else []
    return found


def test_offsets() -> None:
    found = json.loads((DB_FOLDER / "offsets.json").read_text())
    assert found
    for case in found:
        polygon = np.array(case["polygon"])
        distance, grow_distance = (
            float(offset_distances(PolygonBatch.of([polygon]), ratio)[0]) for ratio in (OFFSET_RATIO, GROW_RATIO)
        )
        assert distance == pytest.approx(case["shrink_distance"], rel=1e-12)
        assert grow_distance == pytest.approx(case["unclip_distance"], rel=1e-12)
        assert first_part(offset_polygon(polygon, -distance)) == case["shrunk"]
        assert first_part(offset_polygon(polygon, distance)) == case["dilated"]
        if case["unclipped"] is None:
            assert len(grow_outline(polygon)) != 1
        else:
            assert first_part(grow_outline(polygon)) == case["unclipped"]


@pytest.mark.parametrize("case", stored_cases())
def test_masks(case: str) -> None:
    arrays = stored_cases()[case]
    height, width = arrays["shape"].tolist()
    polygons, ignored = list(arrays["polygons"]), arrays["ignored"]
    shrink_map, shrink_mask, _, threshold_mask = draw_targets(polygons, ignored, (height, width))
    drawn = {"shrink_map": shrink_map, "shrink_mask": shrink_mask, "threshold_mask": threshold_mask}
    for name, pixels in drawn.items():
        differing = np.flatnonzero(pixels != unpacked(arrays[name], width))
        assert set(differing.tolist()) <= set(arrays[f"{name}_other_opencv"].tolist()), name
    outlines = text_outlines(PolygonBatch.of(polygons), ignored, (height, width))
    assert [not len(text.shrunk) for text in outlines] == arrays["ignored_after"].tolist()


@pytest.mark.parametrize("case", stored_cases())
def test_threshold_map(case: str) -> None:
    arrays = stored_cases()[case]
    height, width = arrays["shape"].tolist()
    expected = np.full((height, width), 0.3)
    above = unpacked(arrays["threshold_where"], width) == 1
    expected[above] = 0.3 + 0.4 * arrays["threshold_values"] / 65535
    drawn = draw_targets(list(arrays["polygons"]), arrays["ignored"], (height, width))[2]
    errors = abs(drawn - expected)
    assert errors.max() < (4e-6 if case.startswith("img") else 3e-3)
    assert np.mean(errors[above] < 1e-4) > 0.99
