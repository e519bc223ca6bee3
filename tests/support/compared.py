"""A made-up comparison with a verdict, and its parts."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from benchmarks.compare.document import CaseComparison, Comparison, Pair, RatioInterval, RunFigures, Verdict
from benchmarks.compare.runs import figures
from compared_pairs import procedure_parameters, run_figures
from comparisons import NOW, OPTIONS, side_description

CASE = "psenet_sp_bs2_fp32_cpu1"


def run(rate: float | None = 10.0, **changed: Any) -> RunFigures:
    """One that failed if it has no rate."""
    made = run_figures(1.0, failure="killed") if rate is None else run_figures(rate, 1 / rate)
    return structs.replace(made, cpu_source=None if rate is None else "ranks", **changed)


def pair(number: int = 1, attempt: int = 1, **changed: Any) -> Pair:
    usual: dict[str, Any] = {"head_first": False, "base": run(10.0), "head": run(9.5)}
    return figures.pair(number, attempt, **usual | changed)


def interval(ratio: float = 0.95, low: float = 0.93, high: float = 0.97, deviation: float = 0.02) -> RatioInterval:
    return RatioInterval(ratio=ratio, low=low, high=high, pair_deviation=deviation, pairs=5, level=0.02)


def verdict(word: str = "slower", **changed: Any) -> Verdict:
    usual: dict[str, Any] = {
        "word": word,
        "rests_on": ["wall"],
        "wall": interval(),
        "cpu": interval(0.96, 0.95, 0.97, deviation=0.005),
        "pairs_needed": None,
        "sentence": "head is 5.0 % slower than base",
    }
    return Verdict(**usual | changed)


def case(**changed: Any) -> CaseComparison:
    usual: dict[str, Any] = {
        "base_case": CASE,
        "head_case": CASE,
        "alpha": 0.05,
        "base_samples_per_second": 10.0,
        "head_samples_per_second": 9.5,
        "pairs": [pair(number) for number in range(1, 6)],
        "verdict": verdict(),
        "finished": True,
        "stopped_by": "settled",
        "differences": [],
        "training_changes": [],
        "remarks": [],
    }
    return CaseComparison(**usual | changed)


def comparison(*cases: CaseComparison, **changed: Any) -> Comparison:
    usual: dict[str, Any] = {
        "schema_version": 1,
        "suite_version": "0.1.0",
        "name": "test",
        "started_at": NOW,
        "updated_at": NOW,
        "measuring_seconds": 300.0,
        "finished": True,
        "base": side_description(),
        "head": side_description(given=["."], kind="working_tree", title="working tree"),
        "procedure": structs.replace(procedure_parameters(), common_options=OPTIONS),
        "machine": {"cpu": "a CPU", "cores": "2"},
        "cases": list(cases) or [case()],
    }
    return Comparison(**usual | changed)
