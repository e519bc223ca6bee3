from __future__ import annotations

import time

import pytest

from benchmarks.harness.comparison import Comparison, comparison_table, ratio_of_medians, timed_in_turns


def test_works_are_timed_in_turns_after_one_call_each_that_does_not_count() -> None:
    calls: list[str] = []
    seconds = timed_in_turns(lambda: calls.append("a"), lambda: calls.append("b"), rounds=3)
    assert calls == ["a", "b"] * 4
    assert [len(own) for own in seconds] == [3, 3]


def test_the_seconds_are_those_of_the_work() -> None:
    slow, quick = timed_in_turns(lambda: time.sleep(0.02), lambda: None, rounds=2)
    assert min(slow) >= 0.02
    assert max(quick) < 0.02


def test_one_disturbed_round_does_not_move_the_ratio() -> None:
    assert ratio_of_medians([2.0, 2.0, 90.0], [1.0, 1.0, 1.0]) == 2.0


@pytest.mark.parametrize(
    ("ratio", "bound", "met"),
    [(0.2, "at most", True), (0.3, "at most", False), (0.3, "at least", True), (0.2, "at least", False)],
)
def test_a_target_is_a_bound_from_above_or_from_below(ratio: float, bound: str, met: bool) -> None:
    comparison = Comparison("a over b", ratio, 0.25, bound)  # type: ignore[arg-type]
    assert comparison.met is met
    assert ("missed" in comparison_table([comparison])[1]) is not met
