"""PARSeq's augmentation: RandAugment with three of sixteen operations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from ocr_models.parseq.draw import Draw, Operation
from ocr_models.parseq.operations import OPERATIONS
from ocr_models.parseq.pixel_loops import Image

CHOSEN = 3
PROBABILITY = 0.5

Step = tuple[Operation, Draw]


def draw_steps(rng: np.random.Generator) -> list[Step]:
    """The operations that are applied to one sample, in this order.

    Three different operations are drawn, each equally likely, and each of them is applied with probability 0.5. So are
    the two directions, and the two interpolations.
    """
    left = list(OPERATIONS)
    steps = []
    for pick, applied, sign, interpolation in rng.random((CHOSEN, 4)).tolist():
        operation = left.pop(int(pick * len(left)))
        if applied < PROBABILITY:
            steps.append((operation, Draw(1.0 if sign < 0.5 else -1.0, interpolation < 0.5, rng)))
    return steps


def augmented(image: Image, steps: Sequence[Step]) -> Image:
    """The image, (H, W, 3) uint8 RGB, after all steps. Rotation enlarges it."""
    for operation, draw in steps:
        image = operation(image, draw)
    return image


@cache
def compile_operations() -> None:
    """Compile the loops of all operations, or load their machine code, once in this process."""
    image, rng = np.zeros((2, 3, 3), np.uint8), np.random.default_rng(0)
    for operation in OPERATIONS:
        operation(image, Draw(1.0, True, rng))
