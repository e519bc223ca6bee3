"""Machines and command lines that are unlike the developers'."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts import read_artifact
from failing_runs import CASE, NAME, SHORT
from suite import RunPytest


@pytest.fixture
def long_tmpdir() -> Iterator[Path]:
    """Of 75 bytes: the sockets of Python's loader processes below it just fit."""
    with tempfile.TemporaryDirectory(prefix="t") as short:
        folder = Path(short) / ("x" * (74 - len(short)))
        folder.mkdir()
        yield folder


@pytest.mark.slow
def test_a_case_passes_where_much_is_unusual(
    run_pytest: RunPytest, image_folder: Path, long_tmpdir: Path, tmp_path: Path
) -> None:
    """A long TMPDIR, no home that can be written, another locale; the clock of the system is set in the warm-up.

    Plugins are off, warnings are errors, and pytest-benchmark calls its function once more for its profiler.
    """
    environment = {"TMPDIR": str(long_tmpdir), "HOME": "/proc/nowhere", "LC_ALL": "C", "PYTHONUTF8": "0"}
    plugins = ("-p", "no:junitxml", "-p", "no:skipping", "-W", "error", "--benchmark-cprofile=tottime")
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path, *SHORT)
    outcome = run_pytest("benchmarks", *given, *plugins, **environment, XDG_CACHE_HOME="", TINY_FAULT="clock_back@0")
    assert outcome.code == 0, outcome.text
    details = read_artifact(tmp_path, NAME)["details"]
    times = [details[f"{phase}_seconds"] for phase in ("setup", "warmup", "measured", "overhead", "total")]
    assert 0 <= min(times) <= max(times) == details["total_seconds"] < 200
    assert list(long_tmpdir.iterdir()) == []


def test_a_tmpdir_that_is_too_long_for_sockets_is_refused_before_anything_starts(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    tmpdir = tmp_path / ("x" * 80)
    tmpdir.mkdir()
    given = ("--ocr-case", CASE, "--ocr-data", image_folder, "--ocr-output", tmp_path / "logs")
    outcome = run_pytest("benchmarks", *given, TMPDIR=str(tmpdir))
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: TMPDIR: {tmpdir} has {len(os.fsencode(tmpdir))} bytes, at most 75" in outcome.text
    assert not (tmp_path / "logs").exists()


def test_without_the_terminal_plugin_cases_are_collected(run_pytest: RunPytest) -> None:
    outcome = run_pytest("benchmarks", "-p", "no:terminal", "--collect-only")
    assert (outcome.code, outcome.text) == (0, "")


def test_a_required_case_fails_for_want_of_a_gpu_with_an_artifact(run_pytest: RunPytest, tmp_path: Path) -> None:
    given = ("benchmarks", "--ocr-case", "psenet_sp_bs8_fp32_1", "--ocr-output", tmp_path)
    skipped = run_pytest(*given, CUDA_VISIBLE_DEVICES="")
    assert (skipped.code, list(tmp_path.glob("index/*"))) == (0, [])
    assert "SKIPPED [1]" in skipped.text
    required = run_pytest(*given, "--ocr-require", CUDA_VISIBLE_DEVICES="")
    assert required.code == 1
    document = read_artifact(tmp_path, "ocr_PSENet_sp_bs8_fp32_1")
    failure = document["details"]["failure"]
    assert (document["JOB_FAIL_FLAG"], failure["kind"]) == (1, "no_gpu")
    assert failure["message"] == "needs 1 CUDA GPU, found 0"
    assert "no_gpu: needs 1 CUDA GPU, found 0" in required.text
