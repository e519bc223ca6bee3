"""docs/adding-a-model.md and docs/adding-a-measurement.md, followed literally: their code blocks become files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ocr_models.checkpoint import save_checkpoint
from suite import ROOT, Outcome, RunPytest, suite_environment

pytestmark = pytest.mark.slow

SHORT = ("--ocr-steps", 3, "--ocr-warmup", 1, "--ocr-loader-workers", 0)
BLOCK = re.compile(
    r"^```(?:python|toml)\n# (?P<path>[\w./]+\.\w+)(?P<continued>, continued)?\n(?P<code>.*?)^```$", re.M | re.S
)


def write_code_blocks(guide: str, folder: Path) -> list[str]:
    """Write each code block whose first line names a file. Returns the names, in order."""
    names = []
    for match in BLOCK.finditer((ROOT / "docs" / guide).read_text(encoding="utf-8")):
        path = folder / match["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if match["continued"] else ""
        path.write_text(before + match["code"], encoding="utf-8")
        names.append(match["path"])
    return names


def artifact_of(output: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((output / "index" / name).read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's package, installed: beside it lies what pip would write of its entry points."""
    folder = tmp_path_factory.mktemp("package")
    assert write_code_blocks("adding-a-model.md", folder) == [
        "stripes_ocr/__init__.py",
        "stripes_ocr/task.py",
        "pyproject.toml",
        "stripes_ocr/show.py",
    ]
    declared = re.search(r'entry-points\.ocr_models\]\n(\w+) = "([\w:]+)"', (folder / "pyproject.toml").read_text())
    assert declared is not None
    information = folder / "stripes_ocr-0.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: stripes-ocr\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text(f"[ocr_models]\n{declared[1]} = {declared[2]}\n")
    return folder


def run_stripes(run_pytest: RunPytest, package: Path, image_folder: Path, output: Path) -> Outcome:
    given = ("--ocr-case", "stripes_sp_bs2_fp32_cpu1", "--ocr-data", image_folder, "--ocr-output", output)
    return run_pytest("benchmarks", *given, *SHORT, PYTHONPATH=f"{package}:{ROOT}")


@pytest.mark.exhaustive
def test_the_model_of_the_guide_runs_and_then_has_its_step_checked(
    run_pytest: RunPytest, package: Path, image_folder: Path, tmp_path: Path
) -> None:
    outcome = run_stripes(run_pytest, package, image_folder, tmp_path / "first")
    assert outcome.code == 0, outcome.text
    details = artifact_of(tmp_path / "first", "ocr_Stripes_sp_bs2_fp32_cpu1_speed")["details"]
    assert details["reference_check"] is None
    assert details["image_size"] == 64
    log = (tmp_path / "first" / "train_log" / "ocr_Stripes_sp_bs2_fp32_cpu1").read_text()
    command = "python -m benchmarks.reference_check stripes"
    assert command in log

    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=ROOT,
        env=suite_environment(PYTHONPATH=f"{package}:{ROOT}"),
        capture_output=True,
        text=True,
        check=True,
    )
    task = package / "stripes_ocr" / "task.py"
    task.write_text(
        task.read_text().replace("batch=reference_batch)", f"batch=reference_batch, figures={done.stdout})")
    )
    outcome = run_stripes(run_pytest, package, image_folder, tmp_path / "second")
    assert outcome.code == 0, outcome.text
    check = artifact_of(tmp_path / "second", "ocr_Stripes_sp_bs2_fp32_cpu1_speed")["details"]["reference_check"]
    assert max(check["deviation"].values()) < 1e-5
    assert check["figures"]["parameters"] == 2


@pytest.mark.exhaustive
def test_the_model_of_the_guide_shows_its_predictions(package: Path, image_folder: Path, tmp_path: Path) -> None:
    weights = torch.nn.Conv2d(3, 1, 3).state_dict()
    save_checkpoint(tmp_path / "checkpoint.pt", {"model": "stripes", "image_size": 64, "state_dict": weights})
    given = ("checkpoint.pt", "img_2", "--data", str(image_folder))
    done = subprocess.run(
        [sys.executable, "-m", "ocr_models.show", *given],
        cwd=tmp_path,
        env=suite_environment(PYTHONPATH=f"{package}:{ROOT}"),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "stripes.png\n", "")
    assert (tmp_path / "stripes.png").stat().st_size > 10_000


@pytest.fixture(scope="module")
def measured(
    run_pytest: RunPytest, image_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Outcome]:
    """The guide's measurement of the tests' small model: folder of its modules, output folder, outcome."""
    folder, output = tmp_path_factory.mktemp("measurement"), tmp_path_factory.mktemp("output")
    assert write_code_blocks("adding-a-measurement.md", folder) == [
        "losses_report.py",
        "losses_in_rank.py",
        "losses_result.py",
        "losses_result.py",
        "test_losses.py",
    ]
    return folder, output, run_losses(run_pytest, folder, image_folder, output, "-m", "losses")


def run_losses(
    run_pytest: RunPytest, folder: Path, data: Path, output: Path, *arguments: object, fault: str = ""
) -> Outcome:
    """Outside the repository, the table is extended by a plugin, and the suite's conftest is loaded by name."""
    here = ("--rootdir", ROOT, "-c", ROOT / "pytest.ini", "-p", "losses_result", "-p", "conftest")
    given = (
        "--ocr-case",
        "tiny_sp_bs2_fp32_cpu1",
        "--ocr-data",
        data,
        "--ocr-output",
        output,
        "--ocr-loader-workers",
        0,
    )
    path = f"{folder}:{suite_environment()['PYTHONPATH']}"
    return run_pytest(folder, *here, *given, *arguments, PYTHONPATH=path, TINY_FAULT=fault)


def test_the_measurement_of_the_guide_leaves_a_valid_artifact_and_a_table(
    measured: tuple[Path, Path, Outcome],
) -> None:
    _, output, outcome = measured
    assert outcome.code == 0, outcome.text
    document = artifact_of(output, "ocr_Tiny_sp_bs2_fp32_cpu1_losses")
    details = document["details"]
    assert document["FINAL_RESULT"] == round(details["loss_first"] / details["loss_last"], 3)
    assert (document["index"], document["UNIT"]) == (9, "ratio")
    assert re.search(r"OCR training losses =+\ncase +first loss +last loss +status", outcome.text)
    assert "tiny_sp_bs2_fp32_cpu1: loss fell to" in outcome.text


def test_it_runs_only_if_it_is_asked_for(
    measured: tuple[Path, Path, Outcome], run_pytest: RunPytest, image_folder: Path
) -> None:
    """Next to another test: alone in a folder, naming the folder would ask for it."""
    folder, output, _ = measured
    (folder / "test_other.py").write_text("def test_other(): pass\n")
    collect = ("--collect-only", "-q")
    for asked in (("-m", "losses"), ("-k", "losses"), (folder / "test_losses.py",)):
        assert "test_losses[" in run_losses(run_pytest, folder, image_folder, output, *collect, *asked).text
    unasked = run_losses(run_pytest, folder, image_folder, output, *collect).text
    assert "test_other" in unasked
    assert "test_losses[" not in unasked


def with_losses(folder: Path, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program after the table has been extended."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys, losses_result\n{program}", *map(str, arguments)],
        cwd=ROOT,
        env=suite_environment(PYTHONPATH=f"{folder}:{suite_environment()['PYTHONPATH']}"),
        capture_output=True,
        text=True,
    )


def gate(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return with_losses(folder, "from benchmarks.gate import main; sys.exit(main(sys.argv[1:]))", *arguments)


def test_the_gate_judges_it(measured: tuple[Path, Path, Outcome], tmp_path: Path) -> None:
    folder, output, _ = measured
    assert gate(folder, output / "index", "--expect", "tiny_sp_bs2_fp32_cpu1_losses").returncode == 0
    document = artifact_of(output, "ocr_Tiny_sp_bs2_fp32_cpu1_losses")
    for changed, named in (
        ({"FINAL_RESULT": 7.0}, "FINAL_RESULT: 7, but the details yield"),
        ({"UNIT": "images"}, "UNIT"),
        ({"details": {**document["details"], "loss_first": None}}, "details.loss_first"),
    ):
        (tmp_path / "ocr_Tiny_sp_bs2_fp32_cpu1_losses").write_text(json.dumps({**document, **changed}))
        judged = gate(folder, tmp_path)
        assert judged.returncode == 1
        assert named in judged.stdout, judged.stdout


@pytest.mark.exhaustive
def test_a_failure_leaves_a_failed_artifact_that_the_gate_reports(
    measured: tuple[Path, Path, Outcome], run_pytest: RunPytest, image_folder: Path, tmp_path: Path
) -> None:
    folder, _, _ = measured
    outcome = run_losses(run_pytest, folder, image_folder, tmp_path, "-m", "losses", fault="exception@4")
    assert outcome.code == 1
    document = artifact_of(tmp_path, "ocr_Tiny_sp_bs2_fp32_cpu1_losses")
    assert (document["JOB_FAIL_FLAG"], document["FINAL_RESULT"]) == (1, 0)
    assert document["details"]["source"] == "unfinished_run"
    judged = gate(folder, tmp_path / "index")
    assert judged.returncode == 1
    assert re.search(r"failed +(data|exception) \(rank 0\): .*a planted", judged.stdout), judged.stdout


def test_its_schema_and_its_section_of_the_page_are_generated(measured: tuple[Path, Path, Outcome]) -> None:
    program = (
        "from benchmarks.schemas import generated; [print(path.name, len(text)) for path, text in generated().items()"
    )
    shown = with_losses(measured[0], f"{program} if '_losses' in text or path.name.startswith('losses')]").stdout
    assert [line.split()[0] for line in shown.splitlines()] == ["losses.schema.json", "artifact.md"]
