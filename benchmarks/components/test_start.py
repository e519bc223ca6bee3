"""How long a person waits: for pytest's collection, and for the first measured step."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.cases import parse_case
from benchmarks.components.ratios import Ratio, timed_in_turns
from benchmarks.components.reporting import RatioReport, component
from benchmarks.harness.controller.output import RunFiles
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.measurements import MEASUREMENTS
from benchmarks.harness.results.speed_artifact import SpeedDetails
from benchmarks.harness.results.store import read_as

pytestmark = component("start")

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]


def test_collecting_compared_with_an_empty_pytest(tmp_path: Path, ratio_report: RatioReport) -> None:
    """Seconds of `pytest --collect-only -q benchmarks` beyond those of a file with one empty test."""
    (tmp_path / "test_nothing.py").write_text("def test(): pass\n")

    def collect(what: str, folder: Path) -> None:
        subprocess.run([*PYTEST, "--collect-only", what], cwd=folder, stdout=subprocess.DEVNULL, check=True)

    suite, empty = timed_in_turns(
        lambda: collect("benchmarks", ROOT), lambda: collect("test_nothing.py", tmp_path), rounds=5
    )
    difference = statistics.median(suite) - statistics.median(empty)
    ratio_report.add(Ratio("collecting, beyond an empty pytest", difference, 0.5, "at most", unit="s"), suite)


def test_from_the_command_to_the_first_measured_step(
    data_folder: Path, tmp_path: Path, ratio_report: RatioReport
) -> None:
    """The CPU case in a pytest of its own: seconds until its measured steps begin, plus those of the slowest step."""
    case = parse_case("psenet_sp_bs2_fp32_cpu1")
    options = ("--ocr-case", str(case), "--ocr-data", str(data_folder), "--ocr-output", str(tmp_path))
    start = time.perf_counter()
    subprocess.run(
        [*PYTEST, "benchmarks", *options, "--ocr-steps", "2"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
    )
    whole = time.perf_counter() - start
    details = read_as(RunFiles.of(case, MEASUREMENTS["speed"], tmp_path).artifact, SPEED).details
    assert isinstance(details, SpeedDetails)
    after_warmup = details.total_seconds - details.setup_seconds - details.warmup_seconds
    seconds = whole - after_warmup + details.step_seconds.max
    ratio_report.add(Ratio("from the command to the first measured step", seconds, 12, "at most", unit="s"), [seconds])
