"""What a detected text must be."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_models.detection.text_box import TextBox


@pytest.mark.parametrize("shape", [(2, 2), (4, 3), (1, 4, 2)])
def test_a_polygon_has_at_least_three_corners_of_two_coordinates(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"polygon must have the shape \(k, 2\) with k >= 3"):
        TextBox(np.zeros(shape), 1.0)
