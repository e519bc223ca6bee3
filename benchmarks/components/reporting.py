"""How a component benchmark reports: a row of the table at the end, and its seconds to pytest-benchmark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.components.ratios import Bound, Ratio, Work, ratio_of_medians, timed_in_turns
from benchmarks.harness.report.pytest_benchmark import ReplayClock

CLOCK = ReplayClock()


def component(group: str) -> list[pytest.MarkDecorator]:
    """The `pytestmark` of a file: it runs only if asked for; `group` is the heading of its pytest-benchmark table."""
    return [pytest.mark.components, pytest.mark.benchmark(group=group, timer=CLOCK)]


@dataclass(frozen=True)
class RatioReport:
    """Reports the ratio of one component benchmark.

    Attributes:
        benchmark: pytest-benchmark's fixture. Its timer must be `CLOCK`: see `component`.
        ratios: rows of the table at the end; appended to.
    """

    benchmark: Any
    ratios: list[Ratio]

    def compare(
        self,
        name: str,
        work: Work,
        baseline: Work,
        bound: Bound,
        target: float,
        *,
        rounds: int,
        max_seconds: float = math.inf,
    ) -> None:
        """Time both in turns and report work / baseline: of their times for "at most", else of their speeds."""
        own, other = timed_in_turns(work, baseline, rounds=rounds, max_seconds=max_seconds)
        value = ratio_of_medians(own, other) if bound == "at most" else ratio_of_medians(other, own)
        self.add(Ratio(name, value, target, bound), own)

    def add(self, ratio: Ratio, seconds: Sequence[float]) -> None:
        """Report a ratio, and the seconds of the component in each round."""
        self.ratios.append(ratio)
        self.benchmark.extra_info.update(ratio=ratio.value, target=ratio.target, bound=ratio.bound)
        CLOCK.replay(self.benchmark, seconds)
