"""Which batch is tried next. No process is started: a limit decides what trains."""

from __future__ import annotations

import pytest

from benchmarks.harness.results.batch_search import GRID, BatchSearch, Tried, contradicting


def search(first: int, limit: int, most: int = 2**20) -> list[Tried]:
    """All tries of a search in which batches up to `limit` train."""
    tried: list[Tried] = []
    while (batch := BatchSearch(first, most).next_batch(tried)) is not None:
        tried.append(Tried(batch, batch <= limit))
        assert len(tried) < 60
    return tried


def best(tried: list[Tried]) -> int:
    return max((each.batch for each in tried if each.trained), default=0)


@pytest.mark.parametrize(
    ("first", "limit", "batches"),
    [
        (8, 50, [8, 16, 32, 64, 48, 56]),
        (8, 8, [8, 16]),
        (2, 5, [2, 4, 8, 6, 5]),
        (5, 40, [5, 8, 16, 32, 64, 48, 40]),
        (12, 15, [12, 24, 16]),
        (64, 20, [64, 32, 16, 24]),
        (20, 6, [20, 8, 4, 6, 7]),
        (3, 0, [3, 1]),
        (1, 1, [1, 2]),
    ],
)
def test_doubling_or_halving_then_bisection_over_the_grid(first: int, limit: int, batches: list[int]) -> None:
    assert [each.batch for each in search(first, limit)] == batches


@pytest.mark.parametrize("first", [1, 2, 7, 8, 12, 20, 250, 384])
def test_the_result_is_the_largest_of_the_grid_that_trains_and_no_try_is_repeated(first: int) -> None:
    for limit in (*range(70), 1000, 4099):
        tried = search(first, limit)
        grid = [each for each in range(1, limit + 1) if each < GRID or each % GRID == 0 or each == first]
        assert best(tried) == max(grid, default=0), limit
        assert len({each.batch for each in tried}) == len(tried), limit
        assert len(tried) <= 25
        assert contradicting(tried) is None


def test_no_batch_above_the_largest_that_is_allowed_is_tried() -> None:
    assert [each.batch for each in search(8, 10**9, most=37)] == [8, 16, 32, 37]
    assert [each.batch for each in search(64, 10**9, most=37)] == [37]


def test_a_larger_batch_that_trained_contradicts_a_smaller_one_that_ran_out_of_memory() -> None:
    assert contradicting([Tried(8, trained=True), Tried(16, trained=False), Tried(32, trained=True)]) == (16, 32)
    assert contradicting([Tried(8, trained=True)]) is None
