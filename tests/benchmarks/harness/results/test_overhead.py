"""Where the fixed seconds of a case go: each second belongs to one part, and the sum is exact."""

from __future__ import annotations

import math

import pytest

from benchmarks.harness.results.overhead import seconds_by_part

PARTS = [(0.0, "start"), (1.0, "imports"), (10.0, "other"), (19.0, "matmul"), (25.0, "other"), (26.0, "end")]
STEPPING = (10.0, 19.0)


def test_each_second_outside_of_the_steps_belongs_to_the_part_that_began_last() -> None:
    found = seconds_by_part(PARTS, 30.0, STEPPING, 21.0)
    assert found == {"start": 1.0, "imports": 9.0, "other": 1.0, "matmul": 6.0, "end": 4.0}
    assert list(found) == ["start", "imports", "other", "matmul", "end"]


def test_parts_of_one_name_are_added_up() -> None:
    parts = [(0.0, "imports"), (2.0, "data"), (3.0, "imports"), (7.0, "other")]
    assert seconds_by_part(parts, 9.0, (7.0, 9.0), 7.0) == {"imports": 6.0, "data": 1.0}


def test_what_the_first_rank_does_during_the_steps_of_a_slower_one_costs_nothing() -> None:
    """Its steps end after 19 s, those of the slowest rank after 22 s; until then it takes 3 of its 6 s of products."""
    found = seconds_by_part(PARTS, 30.0, (10.0, 22.0), 18.0)
    assert found["matmul"] == 3.0
    assert math.fsum(found.values()) == 18.0


def test_what_has_no_name_is_other() -> None:
    assert seconds_by_part([], 30.0, STEPPING, 21.0) == {"other": 21.0}
    assert seconds_by_part([(0.0, "start"), (1.0, "other")], 30.0, STEPPING, 21.0) == {"start": 1.0, "other": 20.0}


@pytest.mark.parametrize("parts", [[], [(-5.0, "start"), (90.0, "data"), (3.0, "end")], [(0.0, "start")], PARTS])
@pytest.mark.parametrize("stepping", [STEPPING, (0.0, 0.0), (40.0, 50.0), (-100.0, 100.0), (19.0, 10.0)])
@pytest.mark.parametrize("overhead", [0.0, 3.0, 21.0, 30.0])
def test_the_sum_is_right_even_if_times_contradict_each_other(
    parts: list[tuple[float, str]], stepping: tuple[float, float], overhead: float
) -> None:
    found = seconds_by_part(parts, 30.0, stepping, overhead)
    assert math.fsum(found.values()) == pytest.approx(overhead)
    assert all(seconds >= 0 for seconds in found.values())
