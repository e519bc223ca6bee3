from __future__ import annotations

import time

import pytest

from benchmarks.components.ratios import Bound, Ratio, ratio_of_medians, ratio_table, timed_in_turns


def test_works_are_timed_in_turns_after_one_call_each_that_is_not_counted() -> None:
    calls: list[str] = []
    seconds = timed_in_turns(lambda: calls.append("a"), lambda: calls.append("b"), rounds=3)
    assert calls == ["a", "b"] * 4
    assert [len(own) for own in seconds] == [3, 3]


def test_the_seconds_are_those_of_the_work() -> None:
    slow, quick = timed_in_turns(lambda: time.sleep(0.02), lambda: None, rounds=2)
    assert min(slow) >= 0.02
    assert max(quick) < 0.02


def test_no_round_begins_after_the_time_limit_and_each_work_has_the_same_number_of_rounds() -> None:
    seconds = timed_in_turns(lambda: time.sleep(0.02), lambda: None, rounds=100, max_seconds=0.05)
    assert [len(own) for own in seconds] in ([1, 1], [2, 2], [3, 3])


def test_a_time_limit_leaves_one_round() -> None:
    assert [len(own) for own in timed_in_turns(lambda: None, lambda: None, rounds=5, max_seconds=0.0)] == [1, 1]


def test_one_disturbed_round_does_not_change_the_ratio() -> None:
    assert ratio_of_medians([2.0, 2.0, 90.0], [1.0, 1.0, 1.0]) == 2.0


@pytest.mark.parametrize(
    ("value", "target", "bound", "met"),
    [
        (0.2, 0.25, "at most", True),
        (0.3, 0.25, "at most", False),
        (0.3, 0.25, "at least", True),
        (0.2, 0.25, "at least", False),
        (1.009, 0.01, "within", True),
        (0.991, 0.01, "within", True),
        (1.011, 0.01, "within", False),
        (0.989, 0.01, "within", False),
    ],
)
def test_a_value_meets_its_target_from_above_from_below_or_near_1(
    value: float, target: float, bound: Bound, met: bool
) -> None:
    ratio = Ratio("a / b", value, target, bound)
    assert ratio.met is met
    assert ratio_table([ratio])[1].endswith("missed") is not met


def test_an_unknown_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="a / b: unknown bound 'under', known: at most, at least, within"):
        Ratio("a / b", 1.0, 1.0, "under")  # type: ignore[arg-type]


def test_the_table_has_a_row_per_ratio_with_units_and_marks_the_missed_targets() -> None:
    ratios = [Ratio("time of a / time of b", 0.126, 0.25, "at most"), Ratio("start", 14.5, 12, "at most", unit="s")]
    assert ratio_table(ratios) == [
        "ratio                  target        measured",
        "time of a / time of b  at most 0.25  0.126",
        "start                  at most 12 s  14.500 s  missed",
    ]
