"""`pytest benchmarks --ocr-compare SIDE`: real runs within a real pytest, and what is refused before the first one."""

from __future__ import annotations

import html
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import psutil
import pytest

from benchmarks.compare import files
from suite import ROOT, RunPytest, suite_command, suite_environment
from waiting import until

CASE = "tiny_sp_bs2_fp32_cpu1"
NAME = f"{CASE}_here_to_here.json"


def arguments(output: Path, data: Path) -> list[object]:
    given = ["benchmarks", "--ocr-case", CASE, f"--ocr-output={output}", "--ocr-data", data, "--ocr-image-size", 64]
    return [*given, "--ocr-steps", 2, "--ocr-warmup", 0, "--ocr-loader-workers", 0]


@pytest.mark.exhaustive  # test_comparison.py has real runs, and tests/benchmarks/compare/test_pytest_form.py this form
def test_a_case_is_compared_by_runs_that_do_not_compare_again(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    outcome = run_pytest(
        *arguments(tmp_path / "logs", image_folder),
        f"--junitxml={tmp_path / 'junit.xml'}",
        PYTEST_ADDOPTS="-p no:hypothesispytest --ocr-compare . --ocr-max-pairs 2 --ocr-max-slowdown 99%",
    )
    assert outcome.code == 0, outcome.text
    assert f"ocr: comparing 1 speed case: {CASE}" in outcome.text
    assert "pair 2/2" in outcome.text
    assert "= comparisons =" in outcome.text
    assert "warning" not in outcome.text
    document = files.read(tmp_path / "logs" / "comparisons" / NAME)
    (case,) = document.cases
    assert document.finished
    assert case.differences == []
    assert [pair.number for pair in case.pairs if pair.counted] == [1, 2]
    assert f"[{NAME}]" in outcome.text
    properties = {
        each.get("name"): each.get("value") for each in ElementTree.parse(tmp_path / "junit.xml").iter("property")
    }
    assert properties["verdict"] == case.verdict.word
    assert properties["pairs"] == "2"
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"comparisons", "report.html"}
    page = (tmp_path / "logs" / "report.html").read_text()
    assert "No artifacts of cases, only comparisons" in page
    assert case.verdict.sentence in html.unescape(page)
    assert f"page: {tmp_path / 'logs' / 'report.html'}" in outcome.text


@pytest.mark.slow
def test_ctrl_c_leaves_an_unfinished_document_and_no_process(image_folder: Path, tmp_path: Path) -> None:
    given = [*arguments(tmp_path, image_folder), "--ocr-compare", ".", "--ocr-max-pairs", 8]
    with (tmp_path / "pytest.txt").open("w") as output:
        process = subprocess.Popen(suite_command(*given), cwd=ROOT, env=suite_environment(), stdout=output)
    running: list[psutil.Process] = []
    logs = "comparisons/*.runs/*/*/*/train_log/*"
    until(lambda: process.poll() is not None or bool(list(tmp_path.glob(logs))), 200)
    running = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    text = tmp_path / "pytest.txt"
    assert process.wait(timeout=90) == 2, text.read_text()
    document = files.read(tmp_path / "comparisons" / NAME)
    assert (document.finished, document.cases[0].stopped_by) == (False, "interrupted")
    assert "interrupted after 0 pairs" in text.read_text()
    assert running
    assert not any(each.is_running() for each in running)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ("--ocr-compare", "main"),
            "--ocr-compare: 'main' is not a side: for a revision write rev:main; a side is one",
        ),
        (("--ocr-compare", "rev:no-such"), "--ocr-compare: rev:no-such: "),
        (("--ocr-compare", "stored:/no/such"), "--ocr-compare: stored:/no/such: there is no such file"),
        (("--ocr-max-pairs", "3"), "--ocr-max-pairs: has an effect only with --ocr-compare"),
        (("--ocr-compare", ".", "--ocr-max-slowdown", "3"), "--ocr-max-slowdown: '3' is not a percentage above 0%"),
        (
            ("--ocr-compare", ".", "-m", "speed or convergence"),
            "--ocr-compare: compares speed cases, and benchmarks/test",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    run_pytest: RunPytest, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    outcome = run_pytest("benchmarks", "--ocr-case", CASE, f"--ocr-output={tmp_path / 'logs'}", *more)
    assert outcome.code == 4
    (line,) = [line for line in outcome.text.splitlines() if line.startswith("ERROR:")]
    assert line.startswith(f"ERROR: {message}")
    assert not list(tmp_path.rglob("*.json"))


def test_nothing_runs_without_comparison_if_a_test_cannot_be_collected(run_pytest: RunPytest, tmp_path: Path) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("raise RuntimeError")
    given = ["benchmarks", broken, "--continue-on-collection-errors", "--ocr-case", CASE, "-m", "speed"]
    outcome = run_pytest(*given, f"--ocr-output={tmp_path / 'logs'}", "--ocr-compare", ".")
    assert outcome.code == 1
    assert "--ocr-compare: nothing is compared, as not all tests could be collected" in outcome.text
    assert not (tmp_path / "logs").exists()
