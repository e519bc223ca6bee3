"""One text that a detector found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TextBox:
    """One detected text.

    Attributes:
        polygon: (k, 2) float, x and y in pixels of the original image; k is 4 for a rectangle, 3 or more for a polygon.
        score: mean text probability of the text's pixels, 0 to 1.

    Raises:
        ValueError: if `polygon` has another shape.
    """

    polygon: NDArray[np.float64]
    score: float

    def __post_init__(self) -> None:
        if self.polygon.ndim != 2 or self.polygon.shape[1] != 2 or len(self.polygon) < 3:
            raise ValueError(f"polygon must have the shape (k, 2) with k >= 3, not {self.polygon.shape}")
