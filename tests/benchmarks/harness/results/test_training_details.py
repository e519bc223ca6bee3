"""Which samples of the ranks are the same."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.protocol.training import SampleKey
from benchmarks.harness.results.training_details import FIRST_SAMPLES, training_details
from samples import rank_result, training_report

Keys = list[tuple[int, int]]


def ranks(*keys_of_ranks: Keys, epoch_length: int = 10) -> list[RankResult]:
    """Results of ranks with these keys, (image index, position)."""
    results = []
    for rank, keys in enumerate(keys_of_ranks):
        own: dict[str, Any] = {
            "samples": len(keys),
            "indices": [index for index, _ in keys],
            "positions": [position for _, position in keys],
        }
        report = structs.replace(training_report(), epoch_length=epoch_length, **own)
        results.append(rank_result(rank, training=report))
    return results


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (([(0, 0), (1, 2)], [(2, 1), (3, 3)]), [(0, 0), (0, 0)]),
        (([(4, 8), (4, 10)],), [(0, 0)]),  # the same image in the next epoch
        (([(4, 7), (4, 8)],), [(1, 0)]),
        (([(4, 7), (5, 7)],), [(1, 0)]),  # a position gives one sample, whatever the index
        (([(0, 0), (1, 2)], [(0, 0), (1, 2)]), [(0, 0), (0, 2)]),
        (([(0, 0), (1, 2)], [(1, 1), (2, 3)]), [(0, 0), (0, 1)]),  # a rank that shuffles by itself
        (([(0, 0)], [(1, 1)], [(1, 2)]), [(0, 0), (0, 0), (0, 1)]),
        (([(0, 0), (0, 0), (0, 0)], [(0, 0)]), [(2, 0), (0, 1)]),
    ],
)
def test_repeated_and_shared_samples_are_counted(keys: tuple[Keys, ...], expected: list[tuple[int, int]]) -> None:
    found = training_details(ranks(*keys))
    assert [(each.samples.repeated, each.samples.shared) for each in found] == expected


def test_a_set_of_one_sample_repeats_none_within_an_epoch() -> None:
    (found,) = training_details(ranks([(0, position) for position in range(20)], epoch_length=1))
    assert (found.samples.repeated, found.samples.count) == (0, 20)
    assert found.samples.first == [SampleKey(0, position) for position in range(FIRST_SAMPLES)]
