"""A machine that disturbs the measured steps: what a user gets. Real processes take its cores, and stop the case."""

from __future__ import annotations

import re
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.components.calibrate_machine import busy_processes
from failing_runs import CASE, NAME, FailedCase, started, wait_for_step
from suite import Outcome

pytestmark = pytest.mark.slow

FREEZE_SECONDS = 3.0
STEPS = ("--ocr-image-size", 256, "--ocr-steps", 25, "--ocr-warmup", 1)


def freeze(processes: list[psutil.Process], seconds: float) -> None:
    for process in processes:
        process.suspend()
    time.sleep(seconds)
    for process in reversed(processes):
        process.resume()


@pytest.mark.exhaustive
def test_a_freeze_of_everything_pytest_included_is_told_from_a_hang_and_from_a_slow_loader(
    image_folder: Path, tmp_path: Path
) -> None:
    """On a machine that is busy, too: both are reported."""
    given = ("benchmarks", "--ocr-case", CASE, "--ocr-data", image_folder, *STEPS)
    with busy_processes(2), started(tmp_path, *given) as process:
        wait_for_step(6, tmp_path / "train_log" / NAME, process)
        pytest_process = psutil.Process(process.pid)
        freeze([pytest_process, *pytest_process.children(recursive=True)], FREEZE_SECONDS)
        text = process.communicate(timeout=150)[0]
    failed = FailedCase(Outcome(process.returncode, text), tmp_path, NAME)
    failed.is_reported("disturbed", r"step \d+ was held up for \d\.\d s.*pytest, which watches, did not run", None)
    assert process.returncode == 1
    machine = failed.document["details"]["machine"]
    assert machine["verdict"] == "disturbed"
    assert machine["freeze"]["seconds"] == pytest.approx(FREEZE_SECONDS, abs=0.7)
    assert machine["longest_watch_gap_seconds"] == pytest.approx(FREEZE_SECONDS, abs=0.7)
    assert machine["foreign_cores"] > 0.1
    assert any(re.match("other programs used", reason) for reason in machine["reasons"])
    assert re.search(rf"{CASE} .* disturbed +disturbed ", text)  # the verdict, then the status
