"""A verdict in words, with its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.compare.document import Measure, Word
from benchmarks.compare.judging.percentages import MOST, digits_of, percent
from benchmarks.compare.judging.statistics import Interval
from benchmarks.compare.judging.verdict import contradictory
from benchmarks.harness.controller.option_values import MAX_PAIRS

ONE_ORDER = "all pairs ran in the same order, and the second run may always be slower"
TWO_PAIRS = "two pairs are too few for a verdict: it needs three"

NAMES: dict[Measure, str] = {"wall": "throughput", "cpu": "CPU seconds"}


def sentence(
    word: Word,
    rests_on: Sequence[Measure],
    wall: Interval | None,
    cpu: Interval | None,
    *,
    allowed: float,
    needed: int | None,
    stored: bool = False,
    objection: str = "",
) -> str:
    """What, how much and its interval, in one line: "head is 5.1 % slower than base (2.9 to 7.2 % slower); ...".

    The throughput is named only beside the CPU seconds. Percentages are changes of the throughput, or of the samples
    per CPU second: a ratio of 0.95 is 5 % slower. `objection` says why the pairs show nothing.
    """
    intervals: dict[Measure, Interval | None] = {"wall": wall, "cpu": cpu}
    found = [(name, interval) for name in rests_on if (interval := intervals[name]) is not None]
    if not found:
        return f"cannot tell: fewer than two {'runs' if stored else 'pairs'} were measured"
    alone = rests_on == ["wall"]
    figures = _range if word == "cannot tell" else _figures
    text = f"head is {' and '.join(figures(interval, '' if alone else NAMES[name]) for name, interval in found)}"
    opposed = contradictory(wall, cpu, allowed=allowed)
    if word != "cannot tell":
        text += f"; {_meaning(word, found, allowed)}"
        if opposed and cpu is not None:
            text += f"; the CPU seconds show the opposite: {_figures(cpu, NAMES['cpu'])}"
    elif objection:
        text = f"cannot tell: {text}; {objection}"
    elif opposed:
        text = f"cannot tell: {text}; the two measures contradict each other"
    else:
        text = f"cannot tell: {text}; {_needed(allowed, needed)}"
    if stored:
        text += "; weaker than a comparison in pairs: the stored runs are from another time"
    return text


def in_words(logarithm: float, digits: int = 1) -> str:
    """`5.1 % slower`, `0.3 % faster`."""
    return f"{_amount(logarithm, digits)} % {'slower' if logarithm < 0 else 'faster'}"


def range_in_words(low: float, high: float, digits: int = 1) -> str:
    """`2.9 to 7.2 % slower`, `1.0 % slower to 0.5 % faster`."""
    if low > 0:
        return f"{_amount(low, digits)} to {in_words(high, digits)}"
    if high < 0:
        return f"{_amount(high, digits)} to {in_words(low, digits)}"
    return f"{in_words(low, digits)} to {in_words(high, digits)}"


def _amount(logarithm: float, digits: int) -> str:
    if logarithm > math.log(MOST):
        return f"more than {100 * (MOST - 1):.0f}"
    return f"{100 * abs(_fraction(logarithm)):.{digits}f}"


def _is_nothing(logarithm: float, digits: int) -> bool:
    """Whether all digits that are shown are 0."""
    return abs(100 * _fraction(logarithm)) < 0.5 * 10.0**-digits


def _fraction(logarithm: float) -> float:
    return math.expm1(min(logarithm, 700.0))


def _figures(interval: Interval, name: str) -> str:
    digits = digits_of(1 + _fraction(interval.low), 1 + _fraction(interval.high))
    than = f"{in_words(interval.mean, digits)} than base"
    if _is_nothing(interval.mean, digits):
        than = "as fast as base"
    by = f" by {name}" if name else ""
    return f"{than} ({range_in_words(interval.low, interval.high, digits)}){by}"


def _range(interval: Interval, name: str) -> str:
    """The interval first: it is all that a reader may rely on."""
    low, high = (1 + _fraction(end) for end in (interval.low, interval.high))
    digits = digits_of(low, high)
    best = "as fast" if _is_nothing(interval.mean, digits) else in_words(interval.mean, digits)
    by = f" by {name}" if name else ""
    ends = range_in_words(interval.low, interval.high, digits)
    if interval.low <= 0 <= interval.high:
        ends = f"between {ends.replace(' to ', ' and ')}"
    return f"{ends} than base (best estimate {best}){by}"


def _meaning(word: Word, found: Sequence[tuple[Measure, Interval]], allowed: float) -> str:
    if word == "faster":
        return "a gain beyond the noise"
    if word == "slower":
        beyond = any(interval.high < math.log1p(-allowed) for _, interval in found)
        return f"this {'is' if beyond else 'may be'} more than the allowed {percent(allowed)}"
    if any(interval.high < 0 for _, interval in found):
        return f"slower, but by less than the allowed {percent(allowed)}"
    return f"no slower than the allowed {percent(allowed)}"


def _needed(allowed: float, needed: int | None) -> str:
    if needed is None:
        return "the interval is too wide"
    count = f"about {needed}" if needed <= MAX_PAIRS else f"more than {MAX_PAIRS}"
    return f"at this noise {count} pairs would tell, with a probability of 80 %, if it is {percent(allowed)} slower"
