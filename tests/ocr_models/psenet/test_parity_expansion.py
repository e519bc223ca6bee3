"""Progressive scale expansion against label maps of the authors' implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocr_models.psenet import expansion
from ocr_models.psenet.expansion import expand_kernels
from parity import cases, each_psenet_folder

LOOPS: dict[str, Any] = {
    "numba": expansion._pixel_loops,
    "numpy": lambda: (expansion._label_with_opencv, expansion._grow_in_waves),
}


@each_psenet_folder
@pytest.mark.parametrize("loops", LOOPS)
def test_label_maps_are_the_official_ones(folder: Path, loops: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_pixel_loops", LOOPS[loops])
    found = cases(folder / "pse.npz")
    assert found
    for case, arrays in found.items():
        labels = expand_kernels(arrays["kernels"], int(arrays["min_area"]))
        np.testing.assert_array_equal(labels, arrays["label"], err_msg=f"case {case}")
