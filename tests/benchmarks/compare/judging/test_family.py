"""Several cases share the error probability."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtri

from benchmarks.compare.document import Measure, RatioInterval, Verdict, Word
from benchmarks.compare.judging.family import level_in_turn, levels, passes_on


def test_cases_share_the_level_equally() -> None:
    assert levels(0.06, [False, False, False]) == [0.02, 0.02, 0.02]


def test_what_a_case_passes_on_is_shared_by_the_others() -> None:
    assert levels(0.06, [False, True, False]) == [0.03, None, 0.03]
    assert levels(0.06, [True, True, False]) == [None, None, 0.06]


@pytest.mark.parametrize("passed_on", [[], [True], [True, True]])
def test_nothing_is_left_to_share_when_all_have_passed_it_on(passed_on: list[bool]) -> None:
    assert levels(0.05, passed_on) == [None] * len(passed_on)


@pytest.mark.parametrize(
    ("passed_on", "level"),
    [([], 0.02), ([False], 0.02), ([True], 0.03), ([True, False], 0.03), ([False, True], 0.04), ([True, True], 0.06)],
)
def test_level_in_turn_grows_by_what_earlier_cases_pass_on(passed_on: list[bool], level: float) -> None:
    assert level_in_turn(0.06, 3, passed_on) == pytest.approx(level)


def test_levels_in_turn_never_spend_more_than_there_is() -> None:
    for flags in np.ndindex((2,) * 5):
        passed_on = [bool(flag) for flag in flags]
        found = [level_in_turn(0.05, 5, passed_on[:index]) for index in range(5)]
        spent = sum(level for level, passes in zip(found, passed_on, strict=True) if not passes)
        assert spent <= 0.05 + 1e-12


def ratios(low: float, high: float) -> RatioInterval:
    return RatioInterval(ratio=(low + high) / 2, low=low, high=high, pair_deviation=0.01, pairs=5, level=0.05)


@pytest.mark.parametrize(
    ("word", "low", "high", "passes"),
    [
        ("slower", 0.90, 0.96, True),
        ("slower", 0.95, 0.98, False),
        ("no slower", 0.98, 1.01, False),
        ("no slower", 0.98, 0.99, True),
        ("faster", 1.01, 1.05, True),
        ("cannot tell", 0.90, 0.96, False),
        ("failed", 0.90, 0.96, False),
    ],
)
def test_only_an_interval_without_both_edges_passes_its_level_on(
    word: Word, low: float, high: float, passes: bool
) -> None:
    def verdict(rests_on: list[Measure], cpu: RatioInterval | None = None) -> Verdict:
        wall = ratios(low, high)
        return Verdict(word=word, rests_on=rests_on, wall=wall, cpu=cpu, pairs_needed=None, sentence="x")

    assert passes_on(verdict(["wall"]), 0.03) == passes
    assert not passes_on(verdict(["wall", "cpu"], ratios(0.95, 1.05)), 0.03)
    assert not passes_on(verdict([]), 0.03)


@pytest.mark.parametrize(
    "truth",
    [
        *((0.0,), (0.0, -0.015, -0.03, 0.01)),
        *(pytest.param(truth, marks=pytest.mark.exhaustive) for truth in ((-0.03,), (0.0, -0.03))),
    ],
)
@pytest.mark.parametrize(
    "half", [0.012, *(pytest.param(half, marks=pytest.mark.exhaustive) for half in (0.004, 0.015))]
)
def test_cases_in_turn_err_together_as_often_as_one_may(truth: tuple[float, ...], half: float) -> None:
    count, trials, alpha = 10, 20_000, 0.05
    random = np.random.default_rng(1)
    error = half / float(ndtri(1 - alpha / count / 2))  # standard error of each mean
    z = random.standard_normal((trials, count))
    wrong = 0
    for values in z:
        passed_on: list[bool] = []
        for value, true in zip(values, truth * count, strict=False):
            reach = error * _z(level_in_turn(alpha, count, passed_on))
            edge = math.log(0.97)
            point = edge if true == -0.03 else true
            low, high = point + error * value - reach, point + error * value + reach
            word = _word(low, high, edge)
            wrong += (errs := WRONG[word](point, edge))
            if errs:
                break
            interval = ratios(math.exp(low), math.exp(high))
            verdict = Verdict(word=word, rests_on=["wall"], wall=interval, cpu=None, pairs_needed=None, sentence="x")
            passed_on.append(passes_on(verdict, 0.03))
    assert wrong / trials <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / trials)


WRONG: dict[Word, Callable[[float, float], bool]] = {
    "faster": lambda true, _: true <= 0,
    "slower": lambda true, _: true >= 0,
    "no slower": lambda true, edge: true <= edge,
    "cannot tell": lambda *_: False,
}


def _word(low: float, high: float, edge: float) -> Word:
    if low > 0:
        return "faster"
    if low > edge:
        return "no slower"
    return "slower" if high < 0 else "cannot tell"


def _z(level: float) -> float:
    return float(ndtri(1 - level / 2))
