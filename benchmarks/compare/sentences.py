"""A verdict in words, with its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.compare.document import Measure, Word
from benchmarks.compare.statistics import Interval
from benchmarks.compare.verdict import contradictory

NAMES: dict[Measure, str] = {"wall": "throughput", "cpu": "CPU seconds"}


def sentence(
    word: Word,
    rests_on: Sequence[Measure],
    wall: Interval | None,
    cpu: Interval | None,
    *,
    allowed: float,
    measure: Measure,
    needed: int | None,
    stored: bool = False,
) -> str:
    """The verdict in one line: "head is 5.1 % slower than base (2.9 to 7.2 % slower), by CPU seconds, 8 pairs; ...".

    Percentages are changes of the throughput, or of the samples per CPU second: a ratio of 0.95 is 5 % slower.
    """
    intervals: dict[Measure, Interval | None] = {"wall": wall, "cpu": cpu}
    found = [(name, interval) for name in rests_on if (interval := intervals[name]) is not None]
    if not found:
        return f"cannot tell: fewer than two {_counted(None, stored)} were measured"
    figures = " and ".join(_figures(interval, NAMES[name]) for name, interval in found)
    text = f"head is {figures}, {_counted(found[0][1], stored)}"
    if word == "cannot tell":
        if contradictory(wall, cpu, allowed=allowed, measure=measure):
            text += "; the two measures contradict each other"
        else:
            text += f"; {_noise(found, allowed, needed)}" if not stored else ""
        text = f"cannot tell: {text}"
    else:
        text += f"; {_meaning(word, found, allowed)}"
    if stored:
        text += "; weaker than a comparison in pairs: the stored runs are from another time"
    return text


def change(logarithm: float, digits: int = 1) -> str:
    """`5.1 % slower`, `0.3 % faster`, `as fast`."""
    percent = 100 * abs(_fraction(logarithm))
    if round(percent, digits) == 0:
        return "as fast"
    return f"{percent:.{digits}f} % {'slower' if logarithm < 0 else 'faster'}"


def change_range(low: float, high: float, digits: int = 1) -> str:
    """`2.9 to 7.2 % slower`, `1.0 % slower to 0.5 % faster`."""
    first, last = (low, high) if low > 0 else (high, low)  # the smaller change first
    if low > 0 or high < 0:
        return f"{100 * abs(_fraction(first)):.{digits}f} to {change(last, digits)}"
    return f"{change(low, digits)} to {change(high, digits)}"


def percent(fraction: float) -> str:
    """`3 %`, `2.5 %`."""
    return f"{100 * fraction:.3g} %"


def digits_of(interval: Interval) -> int:
    """Decimals of a percentage that the width of the interval justifies."""
    half = 100 * (_fraction(interval.high) - _fraction(interval.low)) / 2
    return 0 if half >= 10 else 1 if half >= 0.1 else 2


def _fraction(logarithm: float) -> float:
    return math.expm1(min(logarithm, 700.0))


def _figures(interval: Interval, name: str) -> str:
    digits = digits_of(interval)
    mean = change(interval.mean, digits)
    than = "as fast as base" if mean == "as fast" else f"{mean} than base"
    return f"{than} ({change_range(interval.low, interval.high, digits)}) by {name}"


def _counted(interval: Interval | None, stored: bool) -> str:
    unit = "runs" if stored else "pairs"
    return unit if interval is None else f"{interval.count} {unit}"


def _meaning(word: Word, found: Sequence[tuple[Measure, Interval]], allowed: float) -> str:
    limit = math.log1p(-allowed)
    if word == "slower":
        beyond = any(interval.high < limit for _, interval in found)
        return f"{'more' if beyond else 'perhaps more'} than the allowed {percent(allowed)}"
    if word == "no slower" and any(interval.high < 0 for _, interval in found):
        return f"slower, but by less than the allowed {percent(allowed)}"
    return f"no slower than the allowed {percent(allowed)}" if word == "no slower" else "a gain beyond the noise"


def _noise(found: Sequence[tuple[Measure, Interval]], allowed: float, needed: int | None) -> str:
    spread = " and ".join(f"{100 * interval.deviation:.2g} % by {NAMES[name]}" for name, interval in found)
    text = f"one pair varies by {spread} (standard deviation)"
    return (
        text if needed is None else f"{text}: about {needed} pairs would tell whether it is {percent(allowed)} slower"
    )
