"""Kernels and label maps against those of the authors' implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ocr_models.psenet.targets import draw_targets, shrink_polygon
from parity import cases, each_psenet_folder, unpacked


@each_psenet_folder
def test_shrunk_polygons_are_the_official_ones(folder: Path) -> None:
    found = json.loads((folder / "shrink.json").read_text())
    assert found
    for case in found:
        shrunk = shrink_polygon(np.array(case["polygon"]), case["rate"])
        np.testing.assert_array_equal(shrunk, case["shrunk"], err_msg=str(case))


@each_psenet_folder
def test_label_maps_are_the_official_ones(folder: Path) -> None:
    found = cases(folder / "labels.npz")
    assert found
    for image, arrays in found.items():
        height, width = arrays["shape"].tolist()
        maps = draw_targets(list(arrays["polygons"]), arrays["ignored"], (height, width))
        for drawn, kind in zip(maps, ("gt_text", "gt_kernels", "training_mask"), strict=True):
            expected = unpacked(arrays[kind], width)
            np.testing.assert_array_equal(drawn, expected, err_msg=f"{image} {kind}")
