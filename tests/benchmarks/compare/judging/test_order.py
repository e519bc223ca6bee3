"""The order of the runs of a pair is random, balanced and reproducible."""

from __future__ import annotations

import pytest

from benchmarks.compare.judging.order import MAX_IMBALANCE, head_first

SEEDS = range(2000)


def _orders(seed: int, count: int) -> list[bool]:
    return [head_first(seed, number, 100) for number in range(1, count + 1)]


def test_seed_alone_decides_the_order() -> None:
    assert _orders(3, 30) == _orders(3, 30)
    assert _orders(3, 30) != _orders(4, 30)


@pytest.mark.parametrize("number", [1, 2, 5, 12])
def test_each_side_is_first_equally_often(number: int) -> None:
    share = sum(head_first(seed, number, 100) for seed in SEEDS) / len(SEEDS)

    assert share == pytest.approx(0.5, abs=0.035)  # three standard errors


def test_neither_order_leads_by_more_than_the_bound() -> None:
    for seed in SEEDS[:300]:
        lead = 0
        for first in _orders(seed, 40):
            lead += 1 if first else -1
            assert abs(lead) <= MAX_IMBALANCE


def test_five_pairs_are_never_all_of_one_order() -> None:
    assert all(len(set(_orders(seed, 5))) == 2 for seed in SEEDS)


@pytest.mark.parametrize("max_pairs", [2, 3, 4])
def test_few_pairs_have_both_orders_by_the_last_one(max_pairs: int) -> None:
    for seed in SEEDS:
        orders = [head_first(seed, number, max_pairs) for number in range(1, max_pairs + 1)]
        assert len(set(orders)) == 2
        assert orders[:-1] == _orders(seed, max_pairs)[:-1]
    assert isinstance(head_first(1, 1, 1), bool)


def test_order_of_a_pair_says_little_of_the_next() -> None:
    same = sum(head_first(seed, 1, 100) == head_first(seed, 2, 100) for seed in SEEDS) / len(SEEDS)

    assert same == pytest.approx(0.5, abs=0.035)
