from __future__ import annotations

import json
from pathlib import Path

from suite import ROOT, RunPytest

SECONDS = [0.1, 0.30000000000000004, 1 / 3, 123.456]

TEST = f"""
import pytest
from benchmarks.harness.report.pytest_benchmark import ReplayClock

CLOCK = ReplayClock()

@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("seconds", [{SECONDS}, [2.0]], ids=["four", "one"])
def test_replayed(benchmark, seconds):
    CLOCK.replay(benchmark, seconds)
"""


def test_pytest_benchmark_shows_the_given_seconds_exactly(run_pytest: RunPytest, tmp_path: Path) -> None:
    (tmp_path / "test_replayed.py").write_text(TEST)
    outcome = run_pytest("test_replayed.py", "--benchmark-json", "shown.json", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert outcome.code == 0, outcome.text
    four, one = json.loads((tmp_path / "shown.json").read_text())["benchmarks"]
    assert four["stats"]["data"] == SECONDS
    assert one["stats"]["data"] == [2.0]
    assert four["options"]["timer"] == "measured_step_clock"


def test_with_benchmarking_disabled_the_test_still_passes(run_pytest: RunPytest, tmp_path: Path) -> None:
    (tmp_path / "test_replayed.py").write_text(TEST)
    assert run_pytest("test_replayed.py", "--benchmark-disable", cwd=tmp_path, PYTHONPATH=str(ROOT)).code == 0
