from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.components import reporting
from benchmarks.components.ratios import Bound, Ratio
from benchmarks.components.reporting import CLOCK, RatioReport
from suite import ROOT, RunPytest


class FakeBenchmark:
    """Times each round as pytest-benchmark does: with the timer before and after the call."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}
        self.seconds: list[float] = []

    def pedantic(self, work: Callable[[], None], rounds: int, iterations: int) -> None:
        assert iterations == 1
        for _ in range(rounds):
            start = CLOCK()
            work()
            self.seconds.append(CLOCK() - start)


def reported(monkeypatch: pytest.MonkeyPatch, bound: Bound) -> tuple[Ratio, FakeBenchmark]:
    """What is reported of a component that takes 1 s and a baseline that takes 4 s."""

    def in_turns(*works: object, rounds: int, max_seconds: float) -> list[list[float]]:
        return [[1.0] * rounds, [4.0] * rounds]

    monkeypatch.setattr(reporting, "timed_in_turns", in_turns)
    benchmark, ratios = FakeBenchmark(), list[Ratio]()
    RatioReport(benchmark, ratios).compare("a / b", lambda: None, lambda: None, bound, 0.5, rounds=3)
    (ratio,) = ratios
    return ratio, benchmark


def test_at_most_bounds_the_ratio_of_the_times(monkeypatch: pytest.MonkeyPatch) -> None:
    ratio, _ = reported(monkeypatch, "at most")
    assert ratio == Ratio("a / b", 0.25, 0.5, "at most")


@pytest.mark.parametrize("bound", ["at least", "within"])
def test_other_bounds_are_for_the_ratio_of_the_speeds(monkeypatch: pytest.MonkeyPatch, bound: Bound) -> None:
    ratio, _ = reported(monkeypatch, bound)
    assert ratio == Ratio("a / b", 4.0, 0.5, bound)


def test_pytest_benchmark_gets_the_seconds_of_the_component(monkeypatch: pytest.MonkeyPatch) -> None:
    _, benchmark = reported(monkeypatch, "at most")
    assert benchmark.seconds == [1.0, 1.0, 1.0]
    assert benchmark.extra_info == {"ratio": 0.25, "target": 0.5, "bound": "at most"}


def test_every_file_is_opt_in(run_pytest: RunPytest) -> None:
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "benchmarks/components").rglob("test_*.py"))
    asked_for = run_pytest("benchmarks", "-m", "components", "--collect-only", "-q")
    assert sorted({line.partition("::")[0] for line in asked_for.text.splitlines() if "::" in line}) == files
    assert "benchmarks/components" not in run_pytest("benchmarks", "--collect-only", "-q").text
