"""Kernels and label maps against those of the official implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ocr_models.psenet.targets import draw_targets, shrink_polygon

PARITY = Path(__file__).parents[2] / "shared" / "parity"
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity cases are not beside this checkout")


def test_shrunk_polygons_are_the_official_ones() -> None:
    cases = json.loads((PARITY / "shrink.json").read_text())
    assert cases
    for case in cases:
        shrunk = shrink_polygon(np.array(case["polygon"]), case["rate"])
        np.testing.assert_array_equal(shrunk, case["shrunk"], err_msg=str(case))


def test_label_maps_are_the_official_ones() -> None:
    with np.load(PARITY / "labels.npz") as stored:
        names = {key.split(".")[0] for key in stored.files}
        assert names
        for name in names:
            height, width = stored[f"{name}.shape"].tolist()
            maps = draw_targets(stored[f"{name}.polygons"], stored[f"{name}.ignored"], (height, width))
            for drawn, kind in zip(maps, ("gt_text", "gt_kernels", "training_mask"), strict=True):
                expected = np.unpackbits(stored[f"{name}.{kind}"], axis=-1)[..., :width]
                np.testing.assert_array_equal(drawn, expected, err_msg=f"{name} {kind}")
