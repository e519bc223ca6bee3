from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gate
from benchmarks.cases import parse_case
from benchmarks.harness import artifact
from benchmarks.harness.records import Failure

CASE = parse_case("psenet_sp_bs8_fp32_1")
OTHER = parse_case("psenet_sp_bs16_bf16_1")
LOG_DETAILS = {
    "source": "log",
    "keyword": "ips:",
    "model_mode": -1,
    "rate_scope": "process",
    "processes_counted": 1,
    "base_batch_size": None,
    "skip_steps": 0,
    "records_found": 3,
    "records_used": 3,
    "lines_without_number": 0,
    "last_line_dropped": False,
    "arithmetic_mean": 0.5,
    "record_mean": 0.5,
    "record_min": 0.5,
    "record_max": 0.5,
}
NO_NUMBERS = dict.fromkeys(["arithmetic_mean", "record_mean", "record_min", "record_max"])


def from_log(failure: Failure | None = None, **changed: Any) -> dict[str, Any]:
    """An artifact made from a log: good, or failed."""
    document = artifact.speed_json(
        log_file="train.log",
        model_name="resnet50_bs32",
        mission_name="classification",
        direction_id=0,
        run_mode="sp",
        index=1,
        gpu_num=1,
        final_result=0.5,
        unit="images/s",
        details={**LOG_DETAILS, **(NO_NUMBERS if failure else {})},
        failure=failure,
    )
    return {**document, **changed}


def failed_run(**changed: Any) -> dict[str, Any]:
    """The artifact of a failed run of CASE."""
    details = {
        "source": "run",
        "case": str(CASE),
        "precision_requested": "fp32",
        "compile": False,
        "image_size": 736,
        "warmup_steps": 2,
        "measured_steps": 10,
        "batch_size_per_process": 8,
        "nodes": 1,
        "processes": 1,
        "threads_per_process": 2,
        "loader_workers_per_process": 1,
        "seed": 0,
        "data_kind": "synthetic",
        "data_cache": "none",
        "steps_done": 3,
        "total_seconds": 12.5,
    }
    document = artifact.speed_json(
        log_file=f"logs/train_log/{CASE.log_name}",
        model_name=CASE.model_name,
        mission_name="OCR",
        direction_id=0,
        run_mode="sp",
        index=1,
        gpu_num=1,
        final_result=0,
        unit="samples/sec",
        details=details,
        failure=Failure("killed", "rank 0 was killed by SIGKILL", 0),
    )
    return {**document, **changed}


def put(folder: Path, name: str, document: Any) -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document) + "\n", encoding="utf-8")
    return path


def test_good_artifacts_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, "longer_name_speed", from_log(FINAL_RESULT=12345.678))
    assert gate.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "artifact           result     unit      status  what is wrong",
        "a_speed            0.500      images/s  ok",
        "longer_name_speed  12345.678  images/s  ok",
        "2 of 2 good",
    ]


def test_a_flagged_artifact_fails_with_kind_rank_and_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, CASE.artifact_name, failed_run())
    put(tmp_path, "a_speed", from_log(Failure("no_record", "no record in the log")))
    put(tmp_path, "b_speed", from_log())
    assert gate.main([str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "failed  killed in rank 0: rank 0 was killed by SIGKILL\n" in shown
    assert "failed  no_record: no record in the log\n" in shown
    assert "1 of 3 good" in shown


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "not JSON"),
        ('{"log_file": "x"', "not JSON"),
        ("\xff", "not JSON"),
        ("[1, 2]", "not a JSON object but list"),
        (from_log(UNIT=""), "UNIT"),
        (from_log(FINAL_RESULT=0), "FINAL_RESULT"),
        (from_log(FINAL_RESULT="0.5"), "FINAL_RESULT"),
        (from_log(JOB_FAIL_FLAG=2), "JOB_FAIL_FLAG"),
        (from_log(FINAL_RESULT=float("nan")), "NaN"),
        (from_log(FINAL_RESULT=float("inf")), "infinity"),
        (json.dumps(from_log()).replace("0.5", "1e999"), "infinity"),
        (from_log(extra=1), "extra"),
        (from_log(details={**LOG_DETAILS, "records_used": -1}), "details.records_used"),
        ({}, "log_file"),
    ],
)
def test_an_invalid_artifact_fails_and_the_fault_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, named: str
) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, "b_speed", content)
    assert gate.main([str(tmp_path)]) == 1
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("b_speed")
    assert "  invalid  " in line
    assert named in line


def test_of_many_faults_the_first_are_told_and_the_rest_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "a_speed", {})
    gate.main([str(tmp_path)])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.count("is a required property") == gate.MOST_PROBLEMS
    assert line.endswith("and 8 more")


@pytest.mark.parametrize(
    ("name", "document", "named"),
    [
        (OTHER.artifact_name, failed_run(), f"file name: {OTHER.log_name}, but the case is {CASE}"),
        (f"copy_of_{CASE.artifact_name}", failed_run(), "file name: copy_of_"),
        (CASE.artifact_name, failed_run(model_name=OTHER.model_name), f"model_name: {OTHER.model_name}, but"),
        (CASE.artifact_name, failed_run(gpu_num=8), "gpu_num: 8, but"),
        (CASE.artifact_name, failed_run(run_mode="mp"), "run_mode: mp, but"),
    ],
)
def test_an_artifact_whose_name_and_content_are_of_different_cases_is_invalid(
    tmp_path: Path, name: str, document: dict[str, Any], named: str
) -> None:
    verdict = gate.judge(put(tmp_path, name, document))
    assert verdict.status == "invalid"
    assert any(named in problem for problem in verdict.problems)


def test_a_result_that_is_not_samples_over_seconds_is_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field may fit its schema, and the artifact not itself."""
    monkeypatch.setattr(artifact, "problems", lambda document, schema: [])
    document = failed_run(JOB_FAIL_FLAG=0, FINAL_RESULT=99.0)
    document["details"] |= {"samples": 20, "window_seconds": 24.0}
    verdict = gate.judge(put(tmp_path, CASE.artifact_name, document))
    assert verdict.status == "invalid"
    assert verdict.problems == ("FINAL_RESULT: 99.0, but what it stands for is 0.833",)
    assert gate.judge(put(tmp_path, CASE.artifact_name, {**document, "FINAL_RESULT": 0.833})).status == "ok"


def test_a_wrong_fingerprint_without_a_flag_is_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "problems", lambda document, schema: [])
    document = failed_run(JOB_FAIL_FLAG=0, FINAL_RESULT=1.0)
    figures = {"loss": 0.5, "gradient_norm": 8.0, "parameters": 192}
    fingerprint = {
        "figures": {**figures, "loss": 0.6},
        "reference": figures,
        "deviation": {"loss": 0.2, "gradient_norm": 0.0},
        "tolerance": {"loss": 0.01, "gradient_norm": 0.1},
    }
    document["details"] |= {"samples": 20, "window_seconds": 20.0, "fingerprint": fingerprint}
    verdict = gate.judge(put(tmp_path, CASE.artifact_name, document))
    assert verdict.status == "invalid"
    assert "details.fingerprint: the loss of a step" in verdict.problems[0]


def test_pictures_beside_artifacts_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, "a_convergence.png", "\x89PNG")
    assert gate.main([str(tmp_path)]) == 0
    put(tmp_path, "a.png", "\x89PNG")
    assert gate.main([str(tmp_path)]) == 1


def test_a_convergence_artifact_can_be_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    assert gate.main([str(tmp_path), "--expect", "psenet_sp_bs16_bf16_1_convergence"]) == 1
    assert "ocr_PSENet_sp_bs16_bf16_1_convergence" in capsys.readouterr().out


def test_a_case_that_cannot_be_is_invalid(tmp_path: Path) -> None:
    document = failed_run()
    document["details"]["case"] = "psenet_sp_bs8_fp32_4"
    verdict = gate.judge(put(tmp_path, CASE.artifact_name, document))
    assert verdict.status == "invalid"
    assert "sp means one process" in verdict.problems[0]


def test_other_files_are_named_and_hidden_ones_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, ".b_speed.x7t2", "half a fi")
    assert gate.main([str(tmp_path)]) == 0
    put(tmp_path, "notes.txt", "hello")
    (tmp_path / "folder_speed").mkdir()
    assert gate.main([str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert ".b_speed" not in shown
    assert "not the name of an artifact, which ends in _speed" in shown
    assert "cannot be read: Is a directory" in shown


def test_an_empty_folder_is_not_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, ".lock", "")
    assert gate.main([str(tmp_path)]) == 1
    assert "nothing was measured" in capsys.readouterr().out


def test_an_expected_artifact_that_is_not_there_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, CASE.artifact_name, failed_run())
    assert (
        gate.main([str(tmp_path), "--expect", str(CASE), str(OTHER), "--expect", "psenet_sp_bs2_fp32_cpu1", str(CASE)])
        == 1
    )
    shown = capsys.readouterr().out
    assert shown.count("missing") == 2
    assert f"{OTHER.artifact_name} " in shown
    assert "ocr_PSENet_sp_bs2_fp32_cpu1_speed" in shown
    assert "1 of 4 good" in shown


def test_an_expected_artifact_that_is_there_is_judged_once(tmp_path: Path) -> None:
    put(tmp_path, "a_speed", from_log())
    assert [verdict.status for verdict in gate.judge_folder(tmp_path, ["a_speed", "b_speed", "b_speed"])] == [
        "ok",
        "missing",
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nowhere"], "No such file or directory"),
        (["file"], "Not a directory"),
        ([], "DIR"),
        ([".", "--expect", "psenet_sp_bs8_f32_1"], "did you mean psenet_sp_bs8_fp32_1?"),
        ([".", "--expect"], "--expect"),
        ([".", "--strict"], "--strict"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "file", "")
    with pytest.raises(SystemExit) as ended:
        gate.main(arguments)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_as_a_command_it_exits_with_its_verdict(tmp_path: Path) -> None:
    def exit_code() -> int:
        command = [sys.executable, "-m", "benchmarks.gate", str(tmp_path)]
        return subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True).returncode

    put(tmp_path, "a_speed", from_log())
    assert exit_code() == 0
    put(tmp_path, "b_speed", "")
    assert exit_code() == 1
