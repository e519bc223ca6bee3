"""Share of the error probability that each of several cases gets."""

from __future__ import annotations

from collections.abc import Sequence


def levels(alpha: float, decided: Sequence[bool]) -> list[float | None]:
    """Level of each case that is not decided; None for those that are.

    Each case starts with alpha / number of cases. A decided one ("slower", "faster", "no slower") passes its level in
    equal parts to those that are not: Holm's procedure, with conclusions that have a direction (Shaffer, 1980). At any
    time the levels of the cases that can still err add up to alpha. A failed case makes no claim: it is not decided.
    """
    left = sum(not done for done in decided)
    return [None if done else alpha / left for done in decided]
