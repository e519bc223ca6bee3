"""Passes measured steps to pytest-benchmark as if it had timed them.

pytest-benchmark times a call in its own process, but the steps of a case ran elsewhere. So its timer is a clock that
returns 0 before each round and the seconds of a measured step after it: its statistics are exactly those of the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.harness.results.redaction import redacted

_NAMES_OF_BENCHMARKS = frozenset({"name", "fullname", "group", "stats"})


class ReplayClock:
    """A timer for `pytest.mark.benchmark(timer=...)`."""

    __name__ = "measured_step_clock"  # pytest-benchmark prints the name of its timer

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def replay(self, benchmark: Any, step_seconds: Sequence[float]) -> None:
        """One round per step, through the benchmark fixture whose timer this clock is."""
        remaining = iter(step_seconds)

        def step() -> None:
            self._seconds = next(remaining, 0.0)  # --benchmark-cprofile calls it once more

        benchmark.pedantic(step, rounds=len(step_seconds), iterations=1)
        self._seconds = 0.0


def remove_names(info: dict[str, Any], *names: str) -> None:
    """Remove the fields of pytest-benchmark's machine_info or commit_info that name a host, a project or a branch, and
    redact the others.
    """
    for name in names:
        info.pop(name, None)
    info.update({name: redacted(value) for name, value in info.items()})


def redact_benchmarks(output_json: dict[str, Any]) -> None:
    """Redact what pytest-benchmark writes of each benchmark, such as paths of --benchmark-cprofile; its name stays."""
    for benchmark in output_json["benchmarks"]:
        benchmark.update({key: redacted(value) for key, value in benchmark.items() if key not in _NAMES_OF_BENCHMARKS})
