"""Which operations are drawn, and how often."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from ocr_models.parseq.augmentation import augmented, draw_steps
from ocr_models.parseq.moving_operations import rotate, shift_x
from ocr_models.parseq.operations import OPERATIONS
from ocr_models.parseq.value_operations import invert

DRAWS = 6000
RNG = np.random.default_rng(0)
DRAWN = [draw_steps(RNG) for _ in range(DRAWS)]


def is_near(count: int, total: int, share: float) -> bool:
    return abs(count - total * share) < 5 * math.sqrt(total * share * (1 - share))


def test_each_of_three_operations_is_applied_with_probability_one_half() -> None:
    numbers = Counter(len(steps) for steps in DRAWN)
    for applied, share in enumerate((1 / 8, 3 / 8, 3 / 8, 1 / 8)):
        assert is_near(numbers[applied], DRAWS, share)


def test_every_operation_is_as_likely_in_every_place() -> None:
    for place in (0, 1, 2):
        chosen = [steps[place][0] for steps in DRAWN if len(steps) > place]
        counts = Counter(chosen)
        assert all(is_near(counts[operation], len(chosen), 1 / 16) for operation in OPERATIONS)


def test_no_operation_is_applied_twice() -> None:
    assert all(len({operation for operation, _ in steps}) == len(steps) for steps in DRAWN)


def test_both_directions_and_both_interpolations_are_equally_likely_and_independent() -> None:
    draws = [draw for steps in DRAWN for _, draw in steps]
    counts = Counter((draw.sign, draw.cubic) for draw in draws)
    assert set(counts) == {(1.0, False), (1.0, True), (-1.0, False), (-1.0, True)}
    assert all(is_near(count, len(draws), 1 / 4) for count in counts.values())


def test_steps_are_applied_in_their_order() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 60, 3), np.uint8)
    draw = next(steps[0][1] for steps in DRAWN if steps)
    result = augmented(image, [(shift_x, draw), (invert, draw)])
    assert np.array_equal(result, invert(shift_x(image, draw), draw))
    assert not np.array_equal(result, shift_x(invert(image, draw), draw))
    assert augmented(image, [(rotate, draw)]).shape[0] > 20
    assert augmented(image, []) is image
