"""A whole comparison of the working tree with itself, as a user starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.compare import files
from benchmarks.compare.document import Comparison
from suite import ROOT, suite_environment
from waiting import until

pytestmark = pytest.mark.exhaustive

CASE = "tiny_sp_bs2_fp32_cpu1"
SHORT = ("--ocr-steps", "3", "--ocr-warmup", "0", "--ocr-loader-workers", "0")
QUICKER = "-p no:hypothesispytest"
"""Each run has a pytest of its own: a second less for each."""


def command(output: Path, *more: str) -> list[str]:
    given = ["--base", ".", "--head", "environ:SOME=1", "--case", CASE, "--max-pairs", "2", "--seed", "1"]
    return [sys.executable, "-m", "benchmarks.compare", *given, "--output", str(output), "--name", "test", *more]


def compare(output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(output, *more, "--markdown", "--", *SHORT),
        cwd=ROOT,
        env=suite_environment(PYTEST_ADDOPTS=QUICKER),
        capture_output=True,
        text=True,
        timeout=280,
    )


def check(document: Path, done: subprocess.CompletedProcess[str]) -> Comparison:
    """What a comparison of equal sides leaves that has reached its two pairs."""
    comparison = files.read(document)
    (case,) = comparison.cases
    assert done.returncode == (1 if case.verdict.word == "slower" else 0), done.stderr
    assert comparison.finished
    assert sum(pair.counted for pair in case.pairs) == 2
    assert case.verdict.wall is not None
    assert case.differences == []
    assert case.training_changes == []  # the same code, seed and data compute the same
    for pair in case.pairs:
        for run in (pair.base, pair.head):
            assert run is not None
            assert run.failure is None
            assert (document.parent / run.artifact).is_file()
    assert done.stdout.startswith("## ")
    return comparison


def test_two_pairs_of_the_tiny_model_are_compared(tmp_path: Path) -> None:
    check(tmp_path / "comparisons" / "test.json", compare(tmp_path))


def test_a_comparison_that_is_interrupted_and_resumed(tmp_path: Path) -> None:
    """Ctrl-C reaches it after the first pair, or its first attempt."""
    document, steps = tmp_path / "comparisons" / "test.json", ["--", *SHORT]
    first = subprocess.Popen(
        command(tmp_path, *steps),
        cwd=ROOT,
        env=suite_environment(PYTEST_ADDOPTS=QUICKER),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: document.exists() and bool(files.read(document).cases[0].pairs), 200)
        until(lambda: bool(psutil.Process(first.pid).children()))
        running = psutil.Process(first.pid).children(recursive=True)
        first.send_signal(signal.SIGINT)
        text, _ = first.communicate(timeout=100)
    finally:
        first.kill()
    assert first.returncode == 130, text
    assert "interrupted after 1 pair: the same command with --resume continues" in text
    assert not [each for each in running if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    begun = files.read(document)
    assert not begun.finished

    done = compare(tmp_path, "--resume")
    (case,) = check(document, done).cases
    before = begun.cases[0].pairs
    assert [pair.base for pair in case.pairs[: len(before)]] == [pair.base for pair in before]
    assert "resumed:    after 1 pair" in done.stderr
