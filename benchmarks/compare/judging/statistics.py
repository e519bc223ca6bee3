"""Intervals on log ratios, the looks at them and the level of each look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from benchmarks.harness.controller.option_values import MAX_PAIRS

FIRST_LOOKS = (5, 8, 12, 20, 32, 50, 80)
"""Numbers of pairs, each about 1.6 times the one before; larger ones continue in this way."""

SIMULATIONS = 200_000
"""The nominal level is then known to about 1 % of itself."""


@dataclass(frozen=True)
class Interval:
    """A t interval on a mean of logarithms."""

    mean: float
    low: float
    high: float
    deviation: float
    """Standard deviation of the log ratio of one pair."""
    count: int
    """Number of pairs."""
    level: float
    """Error probability, both sides together."""


def paired_interval(log_ratios: Sequence[float], level: float) -> Interval | None:
    """Student's interval on the mean; None with fewer than two values, or if one is not finite.

    The pairs' log ratios are the only samples: the steps of a run depend on each other, a run is about one
    observation.
    """
    count = len(log_ratios)
    if count < 2 or not all(map(math.isfinite, log_ratios)):
        return None
    mean = math.fsum(log_ratios) / count
    deviation = math.sqrt(_variance(log_ratios))
    half = t_quantile(level, count - 1) * deviation / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, deviation, count, level)


def unpaired_interval(
    base_logs: Sequence[float], head_logs: Sequence[float], level: float, drift: float
) -> Interval | None:
    """Welch's interval on head - base, widened by log(1 + drift) at both ends, as the runs were not measured in turn.

    A side of one run is taken to vary as much as the other one; None if neither has two runs or a value is not finite.
    """
    sides = (base_logs, head_logs)
    counts = [len(logs) for logs in sides]
    if min(counts) < 1 or max(counts) < 2 or not all(map(math.isfinite, [*base_logs, *head_logs])):
        return None
    means = [math.fsum(logs) / len(logs) for logs in sides]
    variances = [_variance(logs) if len(logs) > 1 else _variance(other) for logs, other in (sides, sides[::-1])]
    parts = [variance / count for variance, count in zip(variances, counts, strict=True)]
    if min(counts) > 1 and sum(parts) > 0:
        freedom = sum(parts) ** 2 / sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    else:
        freedom = max(counts) - 1
    half = t_quantile(level, freedom) * math.sqrt(sum(parts)) + math.log1p(drift)
    mean = means[1] - means[0]
    return Interval(mean, mean - half, mean + half, math.sqrt(sum(variances)), min(counts), level)


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


@lru_cache(maxsize=4096)
def t_quantile(level: float, freedom: float) -> float:
    """Quantile of Student's t that |t| exceeds with probability `level`."""
    return float(stdtrit(freedom, 1 - level / 2))


def looks(max_pairs: int) -> tuple[int, ...]:
    """Numbers of pairs after which the interval is looked at; `max_pairs` is the last.

    No look is so close to the last one that it would not pay for its share of the level.
    """
    numbers = list(FIRST_LOOKS)
    while numbers[-1] < max_pairs:
        numbers.append(round(numbers[-1] * 1.6))
    return (*(number for number in numbers if number <= 0.8 * max_pairs), max_pairs)


def nominal_level(looks: Sequence[int], alpha: float) -> float:
    """Level of the interval of each look, so that all looks together err with probability `alpha` (Pocock).

    The intervals of all looks then cover the truth at once with probability 1 - alpha: whatever is read from any of
    them, "slower", "faster" or "no slower", and whenever it is stopped, holds with it. A look that is left out, or
    taken earlier because the time is over, lowers the error.
    """
    if len(looks) < 2:
        return alpha
    smallest = _smallest_p_values(tuple(looks))
    return min(max(float(smallest[int(alpha * SIMULATIONS)]), alpha / len(looks)), alpha)


@lru_cache(maxsize=64)
def _smallest_p_values(looks: tuple[int, ...]) -> NDArray[np.float64]:
    """Sorted smallest p-value over the looks, if there is no difference. Whole groups of pairs are drawn at once."""
    random = np.random.default_rng(1983)
    total = np.zeros(SIMULATIONS)
    squares = np.zeros(SIMULATIONS)
    smallest = np.ones(SIMULATIONS)
    for before, count in zip((0, *looks[:-1]), looks, strict=True):
        group = count - before
        part = random.standard_normal(SIMULATIONS) * math.sqrt(group)
        total += part
        squares += part**2 / group
        if group > 1:
            squares += random.chisquare(group - 1, SIMULATIONS)
        if count > 1:
            variance = (squares - total**2 / count) / (count - 1)
            t = np.abs(total) / np.sqrt(np.maximum(variance, 1e-300) * count)
            np.minimum(smallest, 2 * stdtr(count - 1, -t), out=smallest)
    smallest.sort()
    return smallest


def pairs_needed(deviation: float, allowed: float, alpha: float, power: float = 0.8) -> int:
    """Pairs that find a slow-down of `allowed` with probability `power`, or exclude it if there is none.

    A comparison of so many pairs has more looks than one of a few pairs, and so a lower level of each: about that of
    the looks up to the number that a single look would need. Beyond `MAX_PAIRS`, the level is that of `MAX_PAIRS`.
    """
    effect = -math.log1p(-allowed) / deviation if deviation > 0 else math.inf
    planned, of_one_look = looks(MAX_PAIRS), _pairs_at_level(effect, alpha, power)
    at = planned[: 1 + sum(number < of_one_look for number in planned)]
    return _pairs_at_level(effect, nominal_level(at, alpha), power)


def _pairs_at_level(effect: float, level: float, power: float) -> int:
    """With one look. `effect` is in standard deviations of a pair."""
    normal = t_quantile(level, 1e9) + float(stdtrit(1e9, power))
    count = max(2, math.ceil((normal / effect) ** 2))  # t needs a few more
    while t_quantile(level, count - 1) + float(stdtrit(count - 1, power)) > effect * math.sqrt(count):
        count += 1
    return count
