"""What is random about an operation of PARSeq's augmentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ocr_models.parseq.pixel_loops import Image


@dataclass(frozen=True)
class Draw:
    """What is random about one application of an operation; each operation uses a part of it.

    Attributes:
        sign: 1.0 or -1.0, the direction.
        cubic: whether pixels are interpolated by a cubic, else bilinearly.
        rng: for noise.
    """

    sign: float
    cubic: bool
    rng: np.random.Generator


Operation = Callable[[Image, Draw], Image]
"""(image (H, W, 3) uint8 RGB, draw) -> a new image, whose size may differ."""
