"""Fractions and ratios in per cent. Loads no statistics: the page of an output folder is written in a moment."""

from __future__ import annotations

MOST = 11.0
"""Largest ratio that is shown: an interval from two pairs may end at astronomic ones."""


def percent(fraction: float) -> str:
    """`3 %`, `2.5 %`."""
    return f"{100 * fraction:.3g} %"


def digits_of(low: float, high: float) -> int:
    """Decimals of a percentage that the width of an interval of ratios justifies."""
    half = 100 * (high - low) / 2
    return 0 if half >= 10 else 1 if half >= 0.1 else 2
