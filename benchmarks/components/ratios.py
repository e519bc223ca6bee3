"""Two pieces of work timed in turns, and the table of their ratios.

Whatever disturbs a shared machine disturbs both pieces of work, so their ratio is steadier than either time.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.harness.report.tables import table

Work = Callable[[], object]
Bound = Literal["at most", "at least", "within"]

HOLDS: dict[Bound, Callable[[float, float], bool]] = {
    "at most": lambda value, target: value <= target,
    "at least": lambda value, target: value >= target,
    "within": lambda value, target: abs(value - 1) <= target,
}
"""Bound -> whether a value meets a target. "within" means: no further from 1 than the target."""


@dataclass(frozen=True)
class Ratio:
    """A component compared with its baseline.

    Attributes:
        name: what is divided by what, in words.
        value: as measured: a ratio of two times or of two rates; seconds if the target is a time.
        target: value to be reached.
        bound: a key of `HOLDS`: how the value must relate to the target.
        unit: of value and target; empty for a ratio.

    Raises:
        ValueError: if the bound is unknown.
    """

    name: str
    value: float
    target: float
    bound: Bound
    unit: Literal["", "s"] = ""

    def __post_init__(self) -> None:
        if self.bound not in HOLDS:
            raise ValueError(f"{self.name}: unknown bound {self.bound!r}, known: {', '.join(HOLDS)}")

    @property
    def met(self) -> bool:
        return HOLDS[self.bound](self.value, self.target)


def timed_in_turns(*works: Work, rounds: int, max_seconds: float = math.inf) -> list[list[float]]:
    """Seconds of each work in each round, after one call of each that is not counted.

    No further round begins once the rounds have taken `max_seconds`; there is at least one.
    """
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    began = time.perf_counter()
    for _ in range(rounds):
        for work, own in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            own.append(time.perf_counter() - start)
        if time.perf_counter() - began > max_seconds:
            break
    return seconds


def ratio_of_medians(seconds: Sequence[float], baseline_seconds: Sequence[float]) -> float:
    """How many times the baseline's time the work takes. One disturbed round does not change a median."""
    return statistics.median(seconds) / statistics.median(baseline_seconds)


def ratio_table(ratios: Sequence[Ratio]) -> list[str]:
    """Lines of a table with a row per ratio; a missed target is marked."""
    rows = [("ratio", "target", "measured", "")]
    for each in ratios:
        unit = f" {each.unit}" if each.unit else ""
        verdict = "" if each.met else "missed"
        rows.append((each.name, f"{each.bound} {each.target:g}{unit}", f"{each.value:.3f}{unit}", verdict))
    return table(rows)
