"""Intervals, looks and their level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.compare.judging.statistics import looks, nominal_level, paired_interval, pairs_needed, unpaired_interval

LOG_RATIOS = [0.01, -0.02, 0.03, 0.005, -0.012]


def test_interval_is_that_of_student() -> None:
    interval = paired_interval(LOG_RATIOS, 0.05)

    assert interval is not None
    expected = stats.ttest_1samp(LOG_RATIOS, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.deviation == pytest.approx(np.std(LOG_RATIOS, ddof=1))
    assert (interval.count, interval.level) == (5, 0.05)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, math.nan], [0.1, -math.inf, 0.2]])
def test_too_few_or_impossible_values_have_no_interval(values: list[float]) -> None:
    assert paired_interval(values, 0.05) is None
    assert unpaired_interval(values, values, 0.05, 0.0) is None


def test_equal_values_have_an_interval_without_width() -> None:
    interval = paired_interval([0.1, 0.1, 0.1], 0.05)

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.1, 0.1))


def test_unpaired_interval_is_that_of_welch_widened_by_the_drift() -> None:
    base, head = [0.0, 0.02, 0.01], [0.05, 0.01, 0.03, 0.09]

    interval = unpaired_interval(base, head, 0.05, drift=0.05)

    assert interval is not None
    expected = stats.ttest_ind(head, base, equal_var=False).confidence_interval(0.95)
    assert interval.low == pytest.approx(expected.low - math.log(1.05))
    assert interval.high == pytest.approx(expected.high + math.log(1.05))


def test_single_stored_run_is_taken_to_vary_as_the_other_side() -> None:
    interval = unpaired_interval([0.0], [0.01, 0.03], 0.05, drift=0.0)

    assert interval is not None
    deviation = math.sqrt(2 * 0.01**2)
    half = stats.t.ppf(0.975, 1) * deviation * math.sqrt(1 + 1 / 2)
    assert (interval.mean, interval.high - interval.mean) == pytest.approx((0.02, half))


@pytest.mark.parametrize(
    ("max_pairs", "expected"),
    [(2, (2,)), (5, (5,)), (6, (6,)), (8, (5, 8)), (12, (5, 8, 12)), (13, (5, 8, 13)), (20, (5, 8, 12, 20))],
)
def test_looks(max_pairs: int, expected: tuple[int, ...]) -> None:
    assert looks(max_pairs) == expected


def test_many_pairs_have_few_looks() -> None:
    assert looks(300) == (5, 8, 12, 20, 32, 50, 80, 128, 205, 300)


def test_one_look_has_the_whole_level() -> None:
    assert nominal_level((5,), 0.05) == 0.05


@pytest.mark.parametrize(("at", "level"), [((5, 8, 12), 0.02137), ((5, 10, 20), 0.0196), (range(5, 13), 0.01476)])
def test_level_of_a_look_is_that_of_a_long_simulation(at: tuple[int, ...], level: float) -> None:
    assert nominal_level(tuple(at), 0.05) == pytest.approx(level, rel=0.02)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("at", [(5, 8, 12), (5, 8, 12, 20, 32)])
def test_all_looks_together_err_with_the_promised_probability(at: tuple[int, ...], alpha: float) -> None:
    level = nominal_level(at, alpha)
    values = np.random.default_rng(7).standard_normal((40_000, at[-1]))

    wrong = np.zeros(len(values), dtype=bool)
    for count in at:
        part = values[:, :count]
        t = part.mean(axis=1) / part.std(axis=1, ddof=1) * math.sqrt(count)
        wrong |= 2 * stats.t.sf(np.abs(t), count - 1) < level

    assert wrong.mean() == pytest.approx(alpha, abs=3 * math.sqrt(alpha / len(values)) + 0.02 * alpha)


def test_level_never_leaves_its_bounds() -> None:
    for alpha in (1e-7, 1e-3, 0.3):
        assert alpha / 3 <= nominal_level((5, 8, 12), alpha) <= alpha


@pytest.mark.parametrize("effect", [1.7, 1.0, 0.6, 0.3])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_needed_pairs_have_the_power_at_the_level_of_their_looks(effect: float, alpha: float) -> None:
    """By simulation of comparisons of so many pairs. `effect` is in standard deviations of a pair."""
    count = pairs_needed(-math.log(0.97) / effect, 0.03, alpha, power=0.8)

    at = looks(count)
    level = nominal_level(at, alpha)
    values = np.random.default_rng(5).standard_normal((4000, count)) - effect
    found = np.zeros(len(values), dtype=bool)
    for pairs in at:
        part = values[:, :pairs]
        t = part.mean(axis=1) / part.std(axis=1, ddof=1) * math.sqrt(pairs)
        found |= stats.t.cdf(t, pairs - 1) < level / 2
    assert 0.78 < found.mean() < 0.89


def test_pairs_beyond_those_that_can_be_asked_for_are_not_simulated() -> None:
    level = nominal_level(looks(200), 0.05)
    normal = stats.norm.isf(level / 2) + stats.norm.ppf(0.8)

    assert pairs_needed(5.0, 0.03, 0.05) == pytest.approx((normal * 5.0 / math.log(0.97)) ** 2, rel=0.01)


def test_more_noise_needs_more_pairs() -> None:
    assert pairs_needed(0.0, 0.03, 0.05) == 2
    assert pairs_needed(0.02, 0.03, 0.05) < pairs_needed(0.05, 0.03, 0.05) < pairs_needed(5.0, 0.03, 0.05)
