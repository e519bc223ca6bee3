"""The orders of reading, and what may be looked at in each."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_models.parseq import attention_masks, draw_permutations
from ocr_models.parseq.permutations import permutation_rows


def drawn(characters: int, seed: int, count: int = 6) -> list[list[int]]:
    rows: list[list[int]] = draw_permutations(characters, torch.Generator().manual_seed(seed), count).tolist()
    return rows


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 25), st.integers(0, 10**6), st.sampled_from([2, 4, 6, 12]))
def test_rows_are_orders_with_both_ends_and_each_drawn_one_is_followed_by_its_mirror(
    characters: int, seed: int, count: int
) -> None:
    rows = drawn(characters, seed, count)
    end = characters + 1
    assert all(sorted(row) == list(range(end + 1)) and row[0] == 0 for row in rows)
    assert rows[0] == list(range(end + 1))
    assert rows[1:2] in ([], [[0, *range(end, 0, -1)]])
    assert all(row[-1] == end for row in rows[2:])
    assert all(own[1:-1] == mirror[-2:0:-1] for own, mirror in zip(rows[2::2], rows[3::2], strict=True))


@pytest.mark.parametrize(("characters", "rows"), [(1, 1), (2, 2), (3, 6), (4, 6), (5, 6), (25, 6)])
def test_short_labels_have_fewer_orders(characters: int, rows: int) -> None:
    assert len(drawn(characters, seed=0)) == rows


def test_all_orders_of_few_characters_are_drawn_once() -> None:
    rows = {tuple(row) for row in drawn(4, seed=0, count=24)}
    assert len(rows) == 24
    assert len(drawn(4, seed=0, count=30)) == 24


def test_each_order_of_four_characters_is_drawn_as_often_as_any_other() -> None:
    found = Counter(tuple(row) for seed in range(330) for row in drawn(4, seed)[2:])
    assert len(found) == 22
    assert 35 < min(found.values()) <= max(found.values()) < 90  # 60 each on average


def test_a_single_order_reads_forwards() -> None:
    assert drawn(6, seed=3, count=1) == [[0, 1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize(("characters", "count"), [(0, 6), (-1, 6), (5, 0), (5, 3), (5, -2)])
def test_impossible_numbers_are_refused(characters: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"order"):
        drawn(characters, 0, count)


def test_drawn_orders_of_a_sample_become_rows_in_any_integer_type() -> None:
    order = torch.tensor([[2, 0, 1, 3], [3, 1, 0, 2]])
    expected = [
        [0, 1, 2, 3, 4, 5],
        [0, 5, 4, 3, 2, 1],
        [0, 3, 1, 2, 4, 5],
        [0, 4, 2, 1, 3, 5],
        [0, 4, 2, 1, 3, 5],
        [0, 3, 1, 2, 4, 5],
    ]
    for dtype in (torch.uint8, torch.int64):
        rows = permutation_rows(order.to(dtype))
        assert rows.dtype == torch.int64
        assert rows.tolist() == expected


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9).flatmap(lambda n: st.permutations(range(1, n + 2))))
def test_masks_hide_what_is_read_later_and_from_a_prediction_its_own_character(order: list[int]) -> None:
    row = [0, *order]
    n = len(row) - 2
    content_mask, query_mask = attention_masks(torch.tensor(row))
    for token in range(n + 1):
        for looker in range(n + 1):
            later = row.index(token) > row.index(looker)
            assert bool(content_mask[looker, token]) == later
        for predicted in range(1, n + 2):
            known = row.index(token) < row.index(predicted)
            assert bool(query_mask[predicted - 1, token]) != known


def test_an_order_may_be_any_sequence_of_integers() -> None:
    expected = attention_masks(torch.tensor([0, 2, 1, 3]))
    for order in ([0, 2, 1, 3], np.array([0, 2, 1, 3], np.uint8)):
        assert all(map(torch.equal, attention_masks(order), expected))


def test_masks_of_several_orders_are_those_of_each() -> None:
    rows = draw_permutations(7, torch.Generator().manual_seed(0)).to(torch.uint8)
    together = attention_masks(rows)
    for index, row in enumerate(rows):
        for several, single in zip(together, attention_masks(row), strict=True):
            assert torch.equal(several[index], single)
