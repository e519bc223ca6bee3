"""Offsets and label maps against those of another implementation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ocr_models.db.offsets import offset_distances, offset_polygon
from ocr_models.db.targets import draw_targets, text_outlines
from ocr_models.detection.polygons import PolygonBatch
from parity import DB_FOLDER, Arrays, cases, needs_db_numbers

pytestmark = needs_db_numbers

UNCLIP_SHARE = 1.5


def unpacked(arrays: Arrays, name: str) -> np.ndarray:
    return np.unpackbits(arrays[name], axis=-1)[..., : arrays["shape"][1]]


def stored_cases() -> dict[str, Arrays]:
    return cases(DB_FOLDER / "labels.npz") if DB_FOLDER.is_dir() else {}


def test_offsets() -> None:
    found = json.loads((DB_FOLDER / "offsets.json").read_text())
    assert found
    for case in found:
        polygon = np.array(case["polygon"])
        distance, unclip_distance = (
            float(offset_distances(PolygonBatch.of([polygon]), *share)[0]) for share in ((), (UNCLIP_SHARE,))
        )
        assert distance == pytest.approx(case["shrink_distance"], rel=1e-6)
        assert unclip_distance == pytest.approx(case["unclip_distance"], rel=1e-6)
        assert offset_polygon(polygon, -distance).tolist() == case["shrunk"]
        assert offset_polygon(polygon, distance).tolist() == case["dilated"]
        if case["unclipped"] is not None:
            assert offset_polygon(polygon, unclip_distance).tolist() == case["unclipped"]


@pytest.mark.parametrize("case", stored_cases())
def test_masks(case: str) -> None:
    arrays = stored_cases()[case]
    height, width = arrays["shape"].tolist()
    polygons, ignored = list(arrays["polygons"]), arrays["ignored"]
    shrink_map, shrink_mask, _, threshold_mask = draw_targets(polygons, ignored, (height, width))
    drawn = {"shrink_map": shrink_map, "shrink_mask": shrink_mask, "threshold_mask": threshold_mask}
    for name, pixels in drawn.items():
        differing = np.flatnonzero(pixels != unpacked(arrays, name))
        assert set(differing.tolist()) <= set(arrays[f"{name}_other_opencv"].tolist()), name
    outlines = text_outlines(PolygonBatch.of(polygons), ignored, (height, width))
    assert [not len(text.shrunk) for text in outlines] == arrays["ignored_after"].tolist()


@pytest.mark.parametrize("case", stored_cases())
def test_threshold_map(case: str) -> None:
    arrays = stored_cases()[case]
    height, width = arrays["shape"].tolist()
    expected = np.full((height, width), 0.3)
    above = unpacked(arrays, "threshold_where") == 1
    expected[above] = 0.3 + 0.4 * arrays["threshold_values"] / 65535
    drawn = draw_targets(list(arrays["polygons"]), arrays["ignored"], (height, width))[2]
    errors = abs(drawn - expected)
    assert errors.max() < (4e-6 if case.startswith("img") else 3e-3)
    assert np.mean(errors[above] < 1e-4) > 0.99
