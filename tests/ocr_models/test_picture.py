"""The parts of a picture are checked when they are made."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_models.picture import Panel, Picture


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_a_panel_has_colours_or_values(shape: tuple[int, ...]) -> None:
    assert Panel("a map", np.zeros(shape)).pixels.shape == shape


@pytest.mark.parametrize("shape", [(4,), (1, 4, 5), (3, 4, 5), (1, 4, 5, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"have the shape \(H, W, 3\) or \(H, W\), not \("):
        Panel("a batch", np.zeros(shape))


@pytest.mark.parametrize(("panels", "columns"), [(0, 1), (1, 0)])
def test_a_picture_has_a_panel_and_a_column(panels: int, columns: int) -> None:
    with pytest.raises(ValueError, match="at least one panel and one column"):
        Picture([Panel("", np.zeros((1, 1)))] * panels, columns)
