"""Convergence cases through a real pytest, agent and ranks; an interrupted training resumes as if it had not been."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from artifacts import TEN_FIELDS, read_artifact
from benchmarks import gate
from failing_runs import CASE, NAME, processes_of, started, wait_for_step
from ocr_models.checkpoint import load_checkpoint
from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from ocr_models.evaluation import evaluate_icdar2015
from suite import Outcome, RunPytest

OWN_FIELDS = ["convergence_key", "convergence_value", "loss_curve", "scores", "seconds_to_tenths"]

pytestmark = pytest.mark.slow


def given(case: str, image_folder: Path, steps: int = 20) -> tuple[object, ...]:
    data = ("--ocr-case", case, "--ocr-data", image_folder, "--ocr-image-size", 64, "--ocr-steps", steps)
    return ("benchmarks", "-m", "convergence", *data)


def converge(run_pytest: RunPytest, image_folder: Path, output: Path, *more: object, **environment: str) -> Outcome:
    return run_pytest(*given(CASE, image_folder), "--ocr-output", output, *more, **environment)


def left_by(output: Path, name: str = NAME) -> dict[str, Any]:
    return read_artifact(output, name, "convergence")


@dataclass(frozen=True)
class Training:
    """A convergence case that has ended."""

    outcome: Outcome
    output: Path


@pytest.fixture(scope="module")
def converged(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    output = tmp_path_factory.mktemp("converged") / "zaphod"
    planted = {
        "USER": "zaphod",
        "SLURMD_NODENAME": "heart7",
        "TINY_FAULT": "print@setup",
        "TINY_PRINTS": "zaphod@heart7",
    }
    return Training(converge(run_pytest, image_folder, output, **planted), output)


def test_a_training_that_converges_passes(converged: Training) -> None:
    outcome, output = converged.outcome, converged.output
    assert outcome.code == 0, outcome.text
    document = left_by(output)
    assert list(document) == [*TEN_FIELDS, *OWN_FIELDS, "details"]
    assert (document["index"], document["UNIT"], document["convergence_key"]) == (4, "hmean", "hmean")
    assert (document["FINAL_RESULT"], document["convergence_value"]) == (1.0, 1.0)
    assert document["details"]["held_out_is_training"] is False
    assert [point["step"] for point in document["loss_curve"]] == list(range(1, 21))
    assert [each["step"] for each in document["scores"]] == list(range(2, 21, 2))
    assert [each["value"] for each in document["seconds_to_tenths"]] == pytest.approx([0.07 * n for n in range(1, 11)])
    assert f"{CASE}: hmean 1.000 after 20 steps" in outcome.text
    assert "OCR training convergence" in outcome.text
    log = (output / "train_log" / f"{NAME}_convergence").read_text()
    assert "evaluation after step 20/20 precision: 1.000000" in log


def test_nothing_that_it_leaves_names_the_account_or_the_host(converged: Training) -> None:
    files = [path for path in converged.output.rglob("*") if path.is_file()]
    contents = {str(path): path.read_bytes() for path in files}
    for path in (path for path in files if zipfile.is_zipfile(path)):  # the archives of the evaluation, the checkpoint
        with zipfile.ZipFile(path) as archive:
            contents |= {f"{path}:{name}": name.encode() + archive.read(name) for name in archive.namelist()}
    assert {".png", ".zip", ".pt"} <= {path.suffix for path in files}
    assert not {name for name, content in contents.items() if re.search(rb"zaphod|heart7|/tmp/pytest-of-\w", content)}


def test_it_leaves_its_archives_its_checkpoint_and_its_curves(converged: Training) -> None:
    kept = converged.output / "convergence" / NAME
    assert evaluate_icdar2015(kept / "ground_truth.zip", kept / "submission.zip")["hmean"] == 1.0
    assert load_checkpoint(kept / "checkpoint.pt")["model"] == "tiny"
    assert (converged.output / "index" / f"{NAME}_convergence.png").exists()
    listed = [Path(path).name for path in left_by(converged.output)["details"]["kept"]]
    assert listed == ["checkpoint.pt", "ground_truth.zip", "samples.jpg", "submission.zip"]


def test_the_gate_knows_it(converged: Training, capsys: pytest.CaptureFixture[str]) -> None:
    index = str(converged.output / "index")
    assert gate.main([index, "--expect", f"{CASE}_convergence"]) == 0
    assert gate.main([index, "--expect", CASE]) == 1
    assert f"{NAME}_speed" in capsys.readouterr().out


@pytest.fixture(scope="module")
def blind(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training whose model detects nothing. pytest's cache, which knows the failed test, is in `cache`."""
    output = tmp_path_factory.mktemp("blind")
    return Training(fail(run_pytest, image_folder, output, TINY_BLIND="1"), output)


@pytest.fixture(scope="module")
def not_finite(run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training whose loss is not a number in its thirteenth step."""
    output = tmp_path_factory.mktemp("not_finite")
    return Training(fail(run_pytest, image_folder, output, TINY_FAULT="nan@24"), output)


def fail(run_pytest: RunPytest, image_folder: Path, output: Path, **environment: str) -> Outcome:
    """An older run has left a file in the folder of the training."""
    (output / "convergence" / NAME).mkdir(parents=True)
    (output / "convergence" / NAME / "submission.zip").write_text("of an older run")
    return converge(run_pytest, image_folder, output, "-o", f"cache_dir={output / 'cache'}", **environment)


@pytest.mark.parametrize(
    ("name", "kind", "value", "source"),
    [
        ("blind", "target_missed", 0.0, "run"),
        pytest.param("not_finite", "non_finite_loss", None, "unfinished_run", marks=pytest.mark.exhaustive),
    ],
)
def test_a_training_that_fails_says_why_and_how_far_it_came(
    request: pytest.FixtureRequest, name: str, kind: str, value: float | None, source: str
) -> None:
    training: Training = request.getfixturevalue(name)
    assert training.outcome.code == 1
    submission = training.output / "convergence" / NAME / "submission.zip"
    assert not submission.exists() or submission.read_bytes().startswith(b"PK")
    document = left_by(training.output)
    assert (document["JOB_FAIL_FLAG"], document["FINAL_RESULT"]) == (1, 0)
    assert (document["details"]["failure"]["kind"], document["details"]["source"]) == (kind, source)
    assert document["convergence_value"] == value
    assert document["details"]["failure"]["message"] in training.outcome.text
    assert gate.main([str(training.output / "index")]) == 1
    assert document["loss_curve"]


@pytest.mark.parametrize(
    ("flag", "others"), [("--lf", []), ("--ff", [f"benchmarks/test_speed.py::test_speed[{CASE}]"])], ids=str
)
def test_a_convergence_case_that_failed_is_run_again_without_being_asked_for(
    blind: Training, run_pytest: RunPytest, flag: str, others: list[str]
) -> None:
    cache = ("-o", f"cache_dir={blind.output / 'cache'}")
    text = run_pytest("benchmarks", flag, *cache, "--ocr-case", CASE, "--collect-only", "-q").text
    failed = f"benchmarks/test_convergence.py::test_convergence[{CASE}]"
    assert [line for line in text.splitlines() if "::" in line] == [failed, *others]


@pytest.mark.exhaustive
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


@pytest.fixture
def one_held_out(image_folder: Path, tmp_path: Path) -> Path:
    """With one held-out image: PSENet takes a second to evaluate each, and is evaluated after each step."""
    folder = Path(shutil.copytree(image_folder, tmp_path / "photographs"))
    images, annotations = OFFICIAL_FOLDERS["test"]
    (folder / images / "img_2.jpg").unlink()
    (folder / annotations / "gt_img_2.txt").unlink()
    return folder


@pytest.mark.exhaustive
def test_a_training_that_was_interrupted_and_resumed_is_the_same_to_the_last_bit(
    run_pytest: RunPytest, one_held_out: Path, tmp_path: Path
) -> None:
    """PSENet itself; all its processes are killed by SIGKILL in or after its third step."""
    case, name, steps = "psenetr18_sp_bs2_fp32_cpu1", "ocr_PSENetR18_sp_bs2_fp32_cpu1", 5
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    arguments = given(case, one_held_out, steps)
    run_pytest(*arguments, "--ocr-output", straight)

    with started(cut, *arguments) as process:
        wait_for_step(3, cut / "train_log" / f"{name}_convergence", process)
        process.kill()
        for rank in processes_of(cut):
            with contextlib.suppress(psutil.NoSuchProcess):
                rank.kill()
    stopped_at = load_checkpoint(cut / "convergence" / name / "checkpoint.pt")["progress"]["step"]
    assert 2 <= stopped_at < steps

    run_pytest(*arguments, "--ocr-output", cut, "--ocr-resume")
    expected, found = left_by(straight, name), left_by(cut, name)
    assert found["details"]["resumed_at"] == [stopped_at]
    assert min(steps_of(cut, name)) == stopped_at + 1
    assert found["loss_curve"] == expected["loss_curve"]
    assert steps_of(cut, name) == {k: v for k, v in steps_of(straight, name).items() if k > stopped_at}
    figures = [
        [{name: each[name] for name in ("step", "precision", "recall", "hmean")} for each in document["scores"]]
        for document in (expected, found)
    ]
    assert figures[0] == figures[1]
    weights = [
        load_checkpoint(output / "convergence" / name / "checkpoint.pt")["state_dict"] for output in (straight, cut)
    ]
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])


def test_no_training_resumes_from_the_checkpoint_of_another(
    converged: Training, run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(converged.output / "convergence", tmp_path / "convergence")
    outcome = converge(run_pytest, image_folder, tmp_path, "--ocr-resume", "--ocr-seed", 5)
    assert outcome.code == 1
    failure = left_by(tmp_path)["details"]["failure"]
    assert failure["kind"] == "checkpoint"
    assert "checkpoint.pt is of another training: seed 0 instead of 5; run without --ocr-resume" in failure["message"]


@pytest.mark.exhaustive
def test_a_finished_training_is_not_taken_for_a_new_one(
    converged: Training, run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(converged.output / "convergence", tmp_path / "convergence")
    assert converge(run_pytest, image_folder, tmp_path, "--ocr-resume").code == 1
    failure = left_by(tmp_path)["details"]["failure"]
    assert failure["kind"] == "checkpoint"
    assert "checkpoint.pt is of a finished training" in failure["message"]


@pytest.mark.exhaustive
def test_several_processes_converge_together_even_if_no_picture_can_be_drawn(
    run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    given_case = given("tiny_mp_bs4_fp32_cpu2", image_folder)
    outcome = run_pytest(*given_case, "--ocr-output", tmp_path, MPLBACKEND="nonsense")
    assert outcome.code == 0, outcome.text
    document = left_by(tmp_path, "ocr_Tiny_mp_bs4_fp32_cpu2")
    assert (document["convergence_value"], document["JOB_FAIL_FLAG"]) == (1.0, 0)
    assert document["details"]["processes"] == 2
    assert "no picture: ValueError: Key backend: 'nonsense' is not a valid value" in outcome.text
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["ocr_Tiny_mp_bs4_fp32_cpu2_convergence"]
