"""Unions, gaps and shared time."""

from __future__ import annotations

import pytest

from benchmarks.harness.worker.profiling.intervals import clipped, gaps, length, overlap, shared_times, union


def test_a_union_counts_each_moment_once() -> None:
    found = union([(5, 6), (0, 2), (1, 3), (3, 4)])
    assert found == [(0, 4), (5, 6)]
    assert length(found) == 5


def test_gaps_are_what_a_union_leaves_of_its_window() -> None:
    assert gaps([(1, 2), (4, 6)], (0, 6)) == [(0, 1), (2, 4)]
    assert gaps([], (0, 6)) == [(0, 6)]
    assert gaps([(0, 6)], (0, 6)) == []


def test_an_interval_outside_a_window_has_no_part_in_it() -> None:
    assert clipped(1, 5, (2, 9)) == (2, 5)
    assert clipped(1, 2, (2, 9)) is None


def test_two_unions_overlap_where_both_run() -> None:
    assert overlap([(0, 4)], [(1, 2), (3, 8)]) == 2
    assert overlap([(0, 1)], [(1, 2)]) == 0


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(0.0, 4.0), (2.0, 4.0), (6.0, 7.0)], [3.0, 1.0, 1.0]),
        ([(0.0, 3.0)] * 3, [1.0, 1.0, 1.0]),
        ([], []),
    ],
)
def test_what_runs_at_once_shares_its_time_so_that_the_sum_is_the_union(
    intervals: list[tuple[float, float]], expected: list[float]
) -> None:
    found = shared_times(intervals)
    assert found == expected
    assert sum(found) == length(union(intervals))
