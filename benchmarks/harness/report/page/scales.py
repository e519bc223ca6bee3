"""Axes: round numbers at which a reader can orient himself, and where a value is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MAX_TICKS = 4
EXTREME = 1e200
"""No run has such numbers, and differences of larger ones are not finite."""


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, part)) * (self.end - self.start)


def ticks(low: float, high: float, most: int = MAX_TICKS) -> list[float]:
    """Round numbers that enclose all values from `low` to `high`: the first and the last are the ends of the axis."""
    if not (math.isfinite(low) and math.isfinite(high)) or max(abs(low), abs(high)) > EXTREME:
        return [0.0, 1.0]
    if high - low <= max(abs(low), abs(high)) * 1e-9 + 1 / EXTREME:  # rounding would leave no steps
        high = low + (abs(low) if abs(low) > 1 / EXTREME else 1.0)
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw), 10 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """All with the same number of decimals."""
    largest, step = max(map(abs, values)), abs(values[1] - values[0])
    if largest >= 1e6 or step < 1e-4:
        return [f"{value:.2g}" for value in values]
    decimals = next(count for count in range(6) if abs(round(step, count) - step) < step * 1e-6 or count == 5)
    return [f"{value:,.{decimals}f}" for value in values]
