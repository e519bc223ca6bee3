"""Passes measured steps to pytest-benchmark as if it had timed them.

pytest-benchmark times a call in its own process, but the steps of a case ran elsewhere. So its timer is a clock that
returns 0 before each round and the seconds of a measured step after it: its statistics are exactly those of the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


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
            self._seconds = next(remaining)

        benchmark.pedantic(step, rounds=len(step_seconds), iterations=1)
        self._seconds = 0.0
