"""Several cases share the error probability."""

from __future__ import annotations

import pytest

from benchmarks.compare.family import levels


def test_cases_share_the_level_equally() -> None:
    assert levels(0.06, [False, False, False]) == [0.02, 0.02, 0.02]


def test_decided_case_passes_its_level_on() -> None:
    assert levels(0.06, [False, True, False]) == [0.03, None, 0.03]
    assert levels(0.06, [True, True, False]) == [None, None, 0.06]


@pytest.mark.parametrize("decided", [[], [True], [True, True]])
def test_nothing_is_left_to_share_when_all_are_decided(decided: list[bool]) -> None:
    assert levels(0.05, decided) == [None] * len(decided)
