"""Two pieces of work timed in turns: what disturbs a shared machine disturbs both, and their ratio is what carries."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Work = Callable[[], Any]
Bound = Literal["at most", "at least", "within"]


@dataclass(frozen=True)
class Comparison:
    """A component against its yardstick.

    Attributes:
        what: is compared, in words.
        ratio: as measured: time over time, or rate over rate; or seconds, where that is what is aimed at.
        target: what is aimed at.
        bound: whether the ratio is to be at most, or at least, the target, or no further from 1 than it.
    """

    what: str
    ratio: float
    target: float
    bound: Bound

    @property
    def met(self) -> bool:
        if self.bound == "within":
            return abs(self.ratio - 1) <= self.target
        return self.ratio <= self.target if self.bound == "at most" else self.ratio >= self.target


def timed_in_turns(*works: Work, rounds: int) -> list[list[float]]:
    """Seconds of each work in each round, after one call of each that is not counted."""
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            own.append(time.perf_counter() - start)
    return seconds


def ratio_of_medians(seconds: Sequence[float], yardstick_seconds: Sequence[float]) -> float:
    return statistics.median(seconds) / statistics.median(yardstick_seconds)


def comparison_table(comparisons: Sequence[Comparison]) -> list[str]:
    width = max(len(each.what) for each in comparisons)
    lines = [f"{'ratio':<{width}}  {'aimed at':<14}  measured"]
    for each in comparisons:
        aimed = f"{each.bound} {each.target:g}"
        lines.append(f"{each.what:<{width}}  {aimed:<14}  {each.ratio:.3f}{'' if each.met else '  missed'}")
    return lines
