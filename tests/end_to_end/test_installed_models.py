"""Models of other packages: their rules for image sizes, what they may omit, and entry points that are broken."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artifacts import read_artifact
from suite import ROOT, SUPPORT, Outcome, RunPytest, suite_environment
from tiny_task import FIGURES

PLAIN, FIXED = "tinyplain_sp_bs2_fp32_cpu1", "tinyfixed_sp_bs2_fp32_cpu1"


def with_size(run_pytest: RunPytest, case: str, size: int) -> Outcome:
    return run_pytest("benchmarks", "--collect-only", "-q", "--ocr-case", case, "--ocr-image-size", size)


# image sizes


@pytest.mark.parametrize(
    ("case", "size", "rule"),
    [
        ("tiny_sp_bs2_fp32_cpu1", 72, "a multiple of 32 pixels from 64 to 8192 (tiny), or auto"),
        (PLAIN, 100, "a multiple of 8 pixels from 16 to 640 (tinyplain), or auto"),
        (PLAIN, 736, "a multiple of 8 pixels from 16 to 640 (tinyplain), or auto"),
    ],
)
def test_an_image_size_against_the_rule_of_the_model_is_a_usage_error_that_names_both(
    run_pytest: RunPytest, case: str, size: int, rule: str
) -> None:
    outcome = with_size(run_pytest, case, size)
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert f"--ocr-image-size: '{size}' is not {rule}\n" in outcome.text


@pytest.mark.parametrize(("case", "size"), [(PLAIN, 72), (FIXED, 100)])
def test_an_image_size_is_accepted_by_the_rule_of_the_model_alone(run_pytest: RunPytest, case: str, size: int) -> None:
    assert with_size(run_pytest, case, size).code == 0


# what a model may omit


@dataclass(frozen=True)
class Session:
    outcome: Outcome
    output: Path

    def details(self, title: str) -> dict[str, Any]:
        details: dict[str, Any] = read_artifact(self.output, f"ocr_{title}_sp_bs2_fp32_cpu1")["details"]
        return details

    def log(self, title: str) -> str:
        return (self.output / "train_log" / f"ocr_{title}_sp_bs2_fp32_cpu1").read_text()


@pytest.fixture(scope="module")
def session(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    output = tmp_path_factory.mktemp("installed")
    given = ("--ocr-case", PLAIN, "--ocr-case", FIXED, "--ocr-data", image_folder, "--ocr-output", output)
    outcome = run_pytest("benchmarks", *given, "--ocr-steps", 3, "--ocr-warmup", 1, "--ocr-loader-workers", 0)
    assert outcome.code == 0, outcome.text
    return Session(outcome, output)


@pytest.mark.slow
def test_a_model_without_an_image_size_trains_at_its_default_or_its_fixed_input_size(session: Session) -> None:
    assert session.details("TinyPlain")["image_size"] == 72
    assert session.details("TinyFixed")["image_size"] is None


@pytest.mark.slow
def test_a_model_whose_outputs_are_a_tree_of_tensors_trains(session: Session) -> None:
    details = session.details("TinyFixed")
    assert details["loss_last"]["loss"] < details["loss_first"]["loss"]
    # conv 3->4 on 62x62 (forward, and backward for its weight), conv 4->1 and 4->2 on 60x60 (and backward twice)
    assert details["flops_per_sample"] == 2 * (2 * 62 * 62 * 4 * 3 * 9) + 3 * (2 * 60 * 60 * 3 * 4 * 9)


@pytest.mark.slow
@pytest.mark.parametrize("title", ["TinyPlain", "TinyFixed"])
def test_a_model_without_reference_figures_runs_unchecked_and_the_log_names_the_command(
    session: Session, title: str
) -> None:
    assert session.details(title)["reference_check"] is None
    command = f"`python -m benchmarks.reference_check {title.lower()}`"
    (line,) = [line for line in session.log(title).splitlines() if "reference" in line]
    assert line.startswith(f"{title.lower()} has no reference figures")
    assert command in line


def reference_check(model: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.reference_check", model]
    return subprocess.run(command, cwd=ROOT, env=suite_environment(), capture_output=True, text=True)


@pytest.mark.exhaustive  # test_guides.py has this command, too
def test_the_command_computes_the_figures_that_are_missing() -> None:
    done = reference_check("tinyplain")
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == pytest.approx(FIGURES, rel=1e-9)


@pytest.mark.exhaustive
def test_the_command_says_what_a_task_without_a_reference_needs() -> None:
    done = reference_check("tinyfixed")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tinyfixed: its training task has no `reference`")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("-m", "convergence"), ("benchmarks/test_convergence.py",)], ids=str)
def test_a_convergence_case_of_a_model_without_a_goal_is_refused_before_anything_runs(
    run_pytest: RunPytest, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    given = ("--ocr-case", "tiny_sp_bs2_fp32_cpu1", "--ocr-case", PLAIN, "--ocr-output", tmp_path / "logs")
    outcome = run_pytest(*arguments, *given)
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert f"test_convergence[{PLAIN}]: tinyplain has no convergence goal: add convergence=" in outcome.text
    assert "ConvergenceGoal(...)" in outcome.text
    assert "Traceback" not in outcome.text
    assert not (tmp_path / "logs").exists()


# broken entry points


@pytest.fixture
def with_broken(tmp_path: Path) -> str:
    """A PYTHONPATH that installs, in addition to the tests' small models, a package that cannot be imported."""
    (tmp_path / "wrecked_package.py").write_text("raise RuntimeError('no such\\nlicence')\n")
    information = tmp_path / "wrecked_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: wrecked-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[ocr_models]\nwrecked = wrecked_package:MODEL\n")
    return os.pathsep.join(map(str, (tmp_path, SUPPORT, ROOT)))


REASON = "wrecked_package:MODEL cannot be loaded: RuntimeError: no such licence"


def test_a_broken_entry_point_is_named_in_the_header_and_harms_no_other_model(
    run_pytest: RunPytest, with_broken: str
) -> None:
    given = ("--ocr-case", PLAIN, "--ocr-case", "psenet_sp_bs2_fp32_cpu1")
    outcome = run_pytest("benchmarks", "--collect-only", *given, PYTHONPATH=with_broken)
    assert outcome.code == 0, outcome.text
    assert sum("wrecked" in line for line in outcome.text.splitlines()) == 1
    assert f"\nocr: model wrecked is left out: {REASON}\n" in outcome.text


def test_a_case_of_a_broken_entry_point_is_refused_with_the_reason(run_pytest: RunPytest, with_broken: str) -> None:
    case = "wrecked_sp_bs2_fp32_cpu1"
    outcome = run_pytest("benchmarks", "--ocr-case", case, PYTHONPATH=with_broken)
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert f"--ocr-case: '{case}' is not a case: model 'wrecked': {REASON}" in outcome.text
