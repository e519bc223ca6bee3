"""Convergence cases through a real pytest, agent and workers; a training cut off goes on as if it had not been."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import gate
from benchmarks.harness import artifact
from ocr_models import MODELS, Model
from ocr_models.checkpoint import load_checkpoint
from ocr_models.evaluation import evaluate_icdar2015
from suite import ROOT, Outcome, RunPytest, suite_command, suite_environment

CASE, NAME = "tiny_sp_bs2_fp32_cpu1", "ocr_Tiny_sp_bs2_fp32_cpu1"

pytestmark = pytest.mark.slow


def given(case: str, image_folder: Path, output: Path, steps: int) -> tuple[object, ...]:
    data = ("--ocr-data", image_folder, "--ocr-output", output)
    return ("benchmarks", "-m", "convergence", "--ocr-case", case, *data, "--ocr-image-size", 64, "--ocr-steps", steps)


def converge(run_pytest: RunPytest, image_folder: Path, output: Path, *more: object, **environment: str) -> Outcome:
    return run_pytest(*given(CASE, image_folder, output, 20), *more, **environment)


def left_by(output: Path, name: str = NAME) -> dict[str, Any]:
    document = artifact.read(output / "index" / f"{name}_convergence")
    assert artifact.problems(document, "convergence") == []
    return document


@dataclass(frozen=True)
class Converged:
    """A training that was to converge."""

    outcome: Outcome
    output: Path


@pytest.fixture(scope="module")
def converged(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Converged:
    output = tmp_path_factory.mktemp("converged")
    return Converged(converge(run_pytest, image_folder, output), output)


def test_a_training_that_converges_passes(converged: Converged) -> None:
    outcome, output = converged.outcome, converged.output
    assert outcome.code == 0, outcome.text
    document = left_by(output)
    assert (document["FINAL_RESULT"], document["convergence_value"]) == (1.0, 1.0)
    assert [point["step"] for point in document["loss_curve"]] == list(range(1, 21))
    assert [each["step"] for each in document["scores"]] == list(range(2, 21, 2))
    assert f"{CASE}: hmean 1.000 after 20 steps" in outcome.text
    assert "OCR training convergence" in outcome.text
    log = (output / "train_log" / f"{NAME}_convergence").read_text()
    assert "evaluation after step 20/20 precision: 1.000000" in log


def test_it_leaves_its_archives_its_checkpoint_and_its_curves(converged: Converged) -> None:
    kept = converged.output / "convergence" / NAME
    assert evaluate_icdar2015(kept / "ground_truth.zip", kept / "submission.zip")["hmean"] == 1.0
    assert load_checkpoint(kept / "checkpoint.pt")["model"] == "tiny"
    assert (converged.output / "index" / f"{NAME}_convergence.png").exists()


def test_the_gate_knows_it(
    converged: Converged, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", Model("Tiny", "tiny_model:training_task"))  # the gate's, in this process
    index = str(converged.output / "index")
    assert gate.main([index, "--expect", f"{CASE}_convergence"]) == 0
    assert gate.main([index, "--expect", CASE]) == 1
    assert f"{NAME}_speed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "kind", "value"),
    [
        ({"TINY_BLIND": "1"}, "target_missed", 0.0),
        ({"TINY_FAULT": "nan@24"}, "non_finite_loss", None),
    ],
)
def test_a_training_that_fails_says_why_and_how_far_it_came(
    run_pytest: RunPytest,
    image_folder: Path,
    tmp_path: Path,
    environment: dict[str, str],
    kind: str,
    value: float | None,
) -> None:
    kept = tmp_path / "convergence" / NAME
    kept.mkdir(parents=True)
    (kept / "submission.zip").write_text("of an older run")
    outcome = converge(run_pytest, image_folder, tmp_path, **environment)
    assert outcome.code == 1
    assert not (kept / "submission.zip").exists() or (kept / "submission.zip").read_bytes().startswith(b"PK")
    document = left_by(tmp_path)
    assert (document["JOB_FAIL_FLAG"], document["FINAL_RESULT"]) == (1, 0)
    assert document["details"]["failure"]["kind"] == kind
    assert document["convergence_value"] == value
    assert document["details"]["failure"]["message"] in outcome.text
    assert gate.main([str(tmp_path / "index")]) == 1
    assert document["loss_curve"]


def test_a_set_without_held_out_images_is_named(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("ch4_training_images", "ch4_training_localization_transcription_gt"):
        (data / name).symlink_to(image_folder / name)
    outcome = converge(run_pytest, data, tmp_path / "logs")
    assert outcome.code == 1
    failure = left_by(tmp_path / "logs")["details"]["failure"]
    assert failure["kind"] == "data"
    assert "no held-out test split: layout not recognised; looked for ch4_test_images/" in failure["message"]


def steps_of(output: Path, name: str) -> dict[int, dict[str, float]]:
    lines = (output / "train_log" / f"{name}_convergence.steps.jsonl").read_text().splitlines()
    return {record["index"]: record["losses"] for record in map(json.loads, lines)}


def workers_of(output: Path) -> list[int]:
    environments = [(each.pid, each.info["environ"] or {}) for each in psutil.process_iter(["environ"])]
    return [pid for pid, environment in environments if environment.get("TINY_OUTPUT") == str(output)]


def test_a_training_that_was_cut_off_and_goes_on_is_the_same_to_the_last_bit(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    """PSENet itself, killed by SIGKILL somewhere behind its third evaluation."""
    case, name, steps = "psenetsmall_sp_bs2_fp32_cpu1", "ocr_PSENetSmall_sp_bs2_fp32_cpu1", 10
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    run_pytest(*given(case, image_folder, straight, steps))

    process = subprocess.Popen(
        suite_command(*given(case, image_folder, cut, steps)),
        env=suite_environment(TINY_OUTPUT=str(cut)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    log, deadline = cut / "train_log" / f"{name}_convergence", time.monotonic() + 120
    while not (log.exists() and "step: 4/10" in log.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while workers_of(cut):  # they end by themselves
        assert time.monotonic() < deadline
        time.sleep(0.2)
    stood_at = load_checkpoint(cut / "convergence" / name / "checkpoint.pt")["progress"]["step"]
    assert 3 <= stood_at < steps

    run_pytest(*given(case, image_folder, cut, steps), "--ocr-resume")
    expected, found = left_by(straight, name), left_by(cut, name)
    assert found["details"]["resumed_at"] == [stood_at]
    assert min(steps_of(cut, name)) == stood_at + 1
    assert found["loss_curve"] == expected["loss_curve"]
    assert steps_of(cut, name) == {k: v for k, v in steps_of(straight, name).items() if k > stood_at}
    figures = [
        [{name: each[name] for name in ("step", "precision", "recall", "hmean")} for each in document["scores"]]
        for document in (expected, found)
    ]
    assert figures[0] == figures[1]
    weights = [
        load_checkpoint(output / "convergence" / name / "checkpoint.pt")["state_dict"] for output in (straight, cut)
    ]
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])


def test_a_checkpoint_of_another_training_is_not_gone_on_from(
    converged: Converged, run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(converged.output / "convergence", tmp_path / "convergence")
    outcome = converge(run_pytest, image_folder, tmp_path, "--ocr-resume", "--ocr-seed", 5)
    assert outcome.code == 1
    failure = left_by(tmp_path)["details"]["failure"]
    assert failure["kind"] == "checkpoint"
    assert "checkpoint.pt is of another training: seed 0 instead of 5; run without --ocr-resume" in failure["message"]


def test_a_finished_training_does_not_pass_for_a_new_one(
    converged: Converged, run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(converged.output / "convergence", tmp_path / "convergence")
    assert converge(run_pytest, image_folder, tmp_path, "--ocr-resume").code == 1
    failure = left_by(tmp_path)["details"]["failure"]
    assert failure["kind"] == "checkpoint"
    assert "checkpoint.pt is of a finished training" in failure["message"]


def test_several_processes_converge_together(run_pytest: RunPytest, image_folder: Path, tmp_path: Path) -> None:
    outcome = run_pytest(*given("tiny_mp_bs4_fp32_cpu2", image_folder, tmp_path, 20))
    assert outcome.code == 0, outcome.text
    document = left_by(tmp_path, "ocr_Tiny_mp_bs4_fp32_cpu2")
    assert document["convergence_value"] == 1.0
    assert document["details"]["processes"] == 2
