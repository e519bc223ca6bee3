from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.harness.report.pytest_benchmark import redact_benchmarks, remove_names
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


def test_names_of_host_project_and_branch_are_removed_and_the_rest_is_redacted() -> None:
    info: dict[str, Any] = {
        "node": "a",
        "project": "b",
        "branch": "c",
        "id": "3f2a",
        "error": "10.0.0.1",
        "cpu": {"x": "10.0.0.2"},
    }
    remove_names(info, "node", "project", "branch")
    assert info == {"id": "3f2a", "error": "<ip>", "cpu": {"x": "<ip>"}}


def test_all_of_a_benchmark_but_its_names_and_times_is_redacted() -> None:
    benchmark = {"name": "test[10.0.0.1]", "stats": {"mean": 0.1}, "extra_info": {"at": "10.0.0.1"}}
    document = {"benchmarks": [benchmark], "version": "5.3.1"}
    redact_benchmarks(document)
    assert document["benchmarks"] == [benchmark | {"extra_info": {"at": "<ip>"}}]
