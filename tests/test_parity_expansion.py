"""Progressive scale expansion against the official implementation's label maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ocr_models.psenet import expansion
from ocr_models.psenet.expansion import expand_kernels

PARITY = Path(__file__).parents[2] / "shared" / "parity"
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity cases are not beside this checkout")

LOOPS = {
    "numba": expansion._pixel_loops,
    "numpy": lambda: (expansion._label_with_opencv, expansion._grow_in_waves),
}


@pytest.mark.parametrize("loops", LOOPS)
def test_label_maps_are_the_official_ones(loops: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_pixel_loops", LOOPS[loops])
    with np.load(PARITY / "pse.npz") as stored:
        cases = {key.split(".")[0] for key in stored.files}
        assert cases
        for case in cases:
            labels = expand_kernels(stored[f"{case}.kernels"], int(stored[f"{case}.min_area"]))
            np.testing.assert_array_equal(labels, stored[f"{case}.label"], err_msg=f"case {case}")
