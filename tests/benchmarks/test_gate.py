from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gate
from benchmarks.cases import MATRIX, parse_case
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.measurements import MEASUREMENTS
from samples import (
    KILLED,
    LOG_STATISTICS,
    changed,
    converged_run,
    convergence_artifact,
    document,
    log_artifact,
    speed_artifact,
)
from suite import ROOT

SPEED = MEASUREMENTS["speed"]
CASE = parse_case("psenet_sp_bs8_fp32_1")
OTHER = parse_case("psenet_sp_bs16_bf16_1")


def from_log(failure: Failure | None = None, **changes: Any) -> dict[str, Any]:
    """An artifact made from a train log: good, or failed."""
    return document(log_artifact(failure), changes)


def of_run(failure: Failure | None = None, **changes: Any) -> dict[str, Any]:
    """The artifact of CASE: good, or failed."""
    return document(speed_artifact(str(CASE), failure), changes)


def put(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content) + "\n", encoding="utf-8")
    return path


def test_good_artifacts_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    fast = {f"details.{name}": 12345.678 for name in LOG_STATISTICS}
    put(tmp_path, "longer_name_speed", changed(from_log(FINAL_RESULT=12345.678), fast))
    put(tmp_path, SPEED.artifact_name(CASE), of_run())
    assert gate.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "artifact                        result     unit         status  what is wrong",
        "a_speed                         0.500      images/s     ok",
        "longer_name_speed               12345.678  images/s     ok",
        "ocr_PSENet_sp_bs8_fp32_1_speed  16.000     samples/sec  ok",
        "3 of 3 good",
    ]


def test_a_flagged_artifact_fails_with_kind_rank_and_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, SPEED.artifact_name(CASE), of_run(KILLED))
    put(tmp_path, "a_speed", from_log(Failure("no_record", "no record in the log")))
    put(tmp_path, "b_speed", from_log())
    assert gate.main([str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "failed  killed (rank 0): rank 0 was killed by SIGKILL\n" in shown
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
        (changed(from_log(), {"details.records_used": -1}), "details.records_used"),
        (changed(from_log(), {"details.record_min": None}), "details.record_min"),
        (changed(from_log(KILLED), {f"details.{LOG_STATISTICS[0]}": 0.5}), f"details.{LOG_STATISTICS[0]}"),
        ({}, "log_file"),
    ],
)
def test_an_invalid_artifact_fails_and_the_wrong_field_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, named: str
) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, "b_speed", content)
    assert gate.main([str(tmp_path)]) == 1
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("b_speed")
    assert "  invalid  " in line
    assert named in line


def test_the_first_of_many_problems_are_shown_and_the_rest_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "a_speed", {})
    gate.main([str(tmp_path)])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.count("is a required property") == gate.MAX_PROBLEMS
    assert line.endswith("and 8 more")


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        (SPEED.artifact_name(OTHER), of_run(KILLED), f"file name: {OTHER.log_name}_speed, but the case is {CASE}"),
        (f"copy_of_{SPEED.artifact_name(CASE)}", of_run(), "file name: copy_of_"),
        (SPEED.artifact_name(CASE), of_run(model_name=OTHER.model_name), f"model_name: {OTHER.model_name}, but"),
        (SPEED.artifact_name(CASE), of_run(KILLED, gpu_num=8), "gpu_num: 8, but"),
        (SPEED.artifact_name(CASE), of_run(run_mode="mp"), "run_mode: mp, but"),
    ],
)
def test_an_artifact_whose_name_and_content_are_of_different_cases_is_invalid(
    tmp_path: Path, name: str, content: dict[str, Any], named: str
) -> None:
    verdict = gate.judge(put(tmp_path, name, content))
    assert verdict.status == "invalid"
    assert any(named in problem for problem in verdict.problems)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"log_file": "logs/train_log/another"}, f"log_file: another, but the case is {CASE}"),
        ({"details.precision_requested": "bf16"}, f"details.precision_requested: bf16, but the case is {CASE}"),
        ({"details.compile": True}, "details.compile: True, but"),
        ({"details.compile_mode": "default"}, "details.compile_mode: default, but the case is"),
        ({"details.batch_size_per_process": 4}, "details.batch_size_per_process: 4, but"),
        ({"details.processes": 2}, "details.processes: 2, but"),
        ({"details.nodes": 2}, "details.nodes: 2, which cannot share 1 processes"),
        (
            {"details.image_size": 100},
            "details.image_size: 100, but psenet needs a multiple of 32 pixels from 64 to 8192",
        ),
        ({"details.image_size": None}, "details.image_size: null, but psenet needs"),
        ({"details.schema_version": 2}, "details.schema_version: 1 was expected"),
        ({"details.started_at": "2999-01-01T00:00:00Z"}, "details.finished_at: before started_at"),
        (
            {"details.started_at": "2026-01-01T00:00:00+01:00"},
            "details.started_at: 2026-01-01T00:00:00+01:00, which is not",
        ),
        ({"details.started_at": "yesterday"}, "Invalid RFC3339 encoded datetime"),
        ({"details.failure.rank": 1}, "details.failure.rank: 1, but the ranks are 0 to 0"),
        ({"details.steps_done": 121}, "details.steps_done: 121, but the run has 120 steps"),
        ({"details.failure.message": "a\n"}, "details.failure.message"),
        ({"details.case": f"psenet_sp_bs1{'0' * 5000}_fp32_1"}, "has 5020 characters, at most 200"),
    ],
)
def test_a_failed_artifact_that_contradicts_its_case_is_invalid(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    verdict = gate.judge(put(tmp_path, SPEED.artifact_name(CASE), changed(of_run(KILLED), changes)))
    assert verdict.status == "invalid"
    assert any(named in problem for problem in verdict.problems), verdict.problems


def test_an_artifact_of_very_many_ranks_is_good(tmp_path: Path) -> None:
    case = parse_case("psenet_mp_bs1024_fp32_cpu1024")
    path = put(tmp_path, SPEED.artifact_name(case), document(speed_artifact(str(case))))
    assert gate.judge(path).status == "ok"


def test_an_artifact_that_breaks_the_check_of_its_measurement_is_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def divide(artifact: Any) -> list[str]:
        return [str(1 / artifact.direction_id)]

    monkeypatch.setitem(MEASUREMENTS, "speed", dataclasses.replace(SPEED, contradictions=divide))
    verdict = gate.judge(put(tmp_path, "a_speed", from_log()))
    assert (verdict.status, verdict.problems) == (
        "invalid",
        ("cannot be checked: ZeroDivisionError: division by zero",),
    )


def test_only_a_case_that_runs_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / SPEED.artifact_name(CASE)
    assert gate.judge(put(tmp_path, path.name, of_run(KILLED, **{"details.finished_at": None}))).status == "failed"
    (problem,) = gate.judge(put(tmp_path, path.name, of_run(**{"details.finished_at": None}))).problems
    assert problem == "details.finished_at: null, but the run has ended"


def test_an_efficiency_that_the_baseline_in_the_folder_does_not_yield_is_invalid(tmp_path: Path) -> None:
    baseline, case = parse_case("psenet_sp_bs2_fp32_cpu1"), parse_case("psenet_mp_bs4_fp32_cpu2")
    earlier = {"details.started_at": "2026-01-01T00:00:00Z", "details.finished_at": "2026-01-01T00:01:00Z"}
    put(tmp_path, SPEED.artifact_name(baseline), document(speed_artifact(str(baseline)), earlier))
    good = document(speed_artifact(str(case), folder=tmp_path))
    assert good["details"]["scaling"] == {"baseline": str(baseline), "efficiency": 2.0}
    path = put(tmp_path, SPEED.artifact_name(case), good)
    assert gate.judge(path).status == "ok"
    put(tmp_path, path.name, changed(good, {"details.scaling.efficiency": 1.0}))
    assert gate.judge(path).problems == ("details.scaling.efficiency: 1, but the other details yield 2",)
    # A baseline that was measured again after the case is not the one that the case was compared with.
    put(tmp_path, SPEED.artifact_name(baseline), document(speed_artifact(str(baseline))))
    assert gate.judge(path).status == "ok"


def test_a_result_that_is_not_samples_over_seconds_is_invalid(tmp_path: Path) -> None:
    verdict = gate.judge(put(tmp_path, SPEED.artifact_name(CASE), of_run(FINAL_RESULT=99.0)))
    assert verdict.status == "invalid"
    assert verdict.problems == ("FINAL_RESULT: 99, but the details yield 16.000",)


def test_a_good_artifact_whose_step_is_wrong_is_invalid(tmp_path: Path) -> None:
    deviating = {"details.reference_check.figures.loss": 0.6, "details.reference_check.deviation.loss": 0.2}
    verdict = gate.judge(put(tmp_path, SPEED.artifact_name(CASE), changed(of_run(), deviating)))
    assert verdict.status == "invalid"
    assert "details.reference_check: the loss of a step" in verdict.problems[0]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"convergence_value": 0.1, "FINAL_RESULT": 0.1}, "convergence_value: 0.1, but the last score is 0.75"),
        (
            {"scores": [{"step": 32, "training_seconds": 40, "hmean": 0.2}]},
            "scores: they are 1, but there are 3 evaluations",
        ),
        ({"FINAL_RESULT": 0.9}, "FINAL_RESULT: 0.9, but the details yield 0.750"),
        ({"convergence_key": "loss"}, "UNIT: hmean, but the score is loss"),
        ({"UNIT": "samples/sec"}, "UNIT: samples/sec, but the score is hmean"),
    ],
)
def test_a_convergence_artifact_that_contradicts_itself_is_invalid(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    artifact = convergence_artifact(converged_run(tmp_path / "output"))
    name = "ocr_PSENetR18_sp_bs4_fp32_cpu1_convergence"
    assert gate.judge(put(tmp_path, name, document(artifact))).status == "ok"
    verdict = gate.judge(put(tmp_path, name, document(artifact, changes)))
    assert verdict.status == "invalid"
    assert problem in verdict.problems[0]


def test_a_light_run_is_invalid_although_it_succeeded(tmp_path: Path) -> None:
    path = put(tmp_path, SPEED.artifact_name(CASE), document(speed_artifact(str(CASE), light=True)))
    verdict = gate.judge(path)
    assert verdict.status == "invalid"
    assert verdict.problems == ("light run: it has no reference check; measure without --ocr-light",)
    assert gate.main([str(tmp_path), "--expect", str(CASE)]) == 1


def test_pictures_and_snapshots_next_to_artifacts_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, "a_convergence.png", "\x89PNG")
    put(tmp_path, "a_memory.snapshot.pickle", "\x80")
    put(tmp_path, "a_profile.trace.json.gz", "packed")
    assert gate.main([str(tmp_path)]) == 0
    put(tmp_path, "a.png", "\x89PNG")
    assert gate.main([str(tmp_path)]) == 1
    (tmp_path / "a.png").rename(tmp_path / "a.trace.json.gz")
    assert gate.main([str(tmp_path)]) == 1


def test_a_convergence_artifact_can_be_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    assert gate.main([str(tmp_path), "--expect", "psenet_sp_bs16_bf16_1_convergence"]) == 1
    assert "ocr_PSENet_sp_bs16_bf16_1_convergence" in capsys.readouterr().out


def test_an_artifact_of_an_impossible_case_is_invalid(tmp_path: Path) -> None:
    content = changed(of_run(KILLED), {"details.case": "psenet_sp_bs8_fp32_4"})
    verdict = gate.judge(put(tmp_path, SPEED.artifact_name(CASE), content))
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
    assert (
        "not the name of an artifact, which ends in _speed or _memory or _profile or _convergence or _largest_batch"
        in shown
    )
    assert "not a regular file but a directory" in shown


def test_an_empty_folder_is_not_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, ".lock", "")
    assert gate.main([str(tmp_path)]) == 1
    assert "nothing was measured" in capsys.readouterr().out


def test_without_a_folder_every_expected_artifact_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a run that skipped all cases."""
    folder = tmp_path / "index"
    assert gate.main([str(folder), "--expect", str(CASE), str(OTHER)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{folder} does not exist: nothing was measured, or the path is wrong",
        "artifact                         result  unit  status   what is wrong",
        "ocr_PSENet_sp_bs8_fp32_1_speed   -       -     missing  expected, but not there",
        "ocr_PSENet_sp_bs16_bf16_1_speed  -       -     missing  expected, but not there",
        "0 of 2 good",
    ]
    assert gate.main([str(folder)]) == 1
    assert capsys.readouterr().out == f"{folder} does not exist: nothing was measured, or the path is wrong\n"


def test_an_artifact_made_from_a_log_is_none_of_an_expected_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = SPEED.artifact_name(CASE)
    put(tmp_path, name, from_log(model_name=CASE.model_name, UNIT="samples/sec"))
    assert gate.main([str(tmp_path)]) == 0
    capsys.readouterr()
    assert gate.main([str(tmp_path), "--expect", str(CASE)]) == 1
    assert f"{name}  0.500   samples/sec  invalid  not from a run" in capsys.readouterr().out


def test_an_expected_artifact_that_is_missing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_speed", from_log())
    put(tmp_path, SPEED.artifact_name(CASE), of_run(KILLED))
    expected = ["--expect", str(CASE), str(OTHER), "--expect", "psenet_sp_bs2_fp32_cpu1", str(CASE)]
    assert gate.main([str(tmp_path), *expected]) == 1
    shown = capsys.readouterr().out
    assert shown.count("missing") == 2
    assert f"{SPEED.artifact_name(OTHER)} " in shown
    assert "ocr_PSENet_sp_bs2_fp32_cpu1_speed" in shown
    assert "1 of 4 good" in shown


def test_a_marker_expects_every_listed_case_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, SPEED.artifact_name(CASE), of_run())
    assert gate.main([str(tmp_path), "--expect", "single_gpu"]) == 1
    shown = capsys.readouterr().out
    listed = [case for case in MATRIX if case.marker == "single_gpu"]
    assert CASE in listed
    assert f"1 of {len(listed)} good" in shown
    assert all(SPEED.artifact_name(case) in shown for case in listed)


def test_an_expected_artifact_that_is_there_is_judged_once(tmp_path: Path) -> None:
    name = SPEED.artifact_name(CASE)
    put(tmp_path, name, of_run())
    assert [verdict.status for verdict in gate.judge_folder(tmp_path, [name, name, "b_speed", "b_speed"])] == [
        "ok",
        "missing",
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([""], "the path is empty"),
        (["a" * 300], "File name too long"),
        (["pipe"], "Not a directory"),
        (["a\0b"], "embedded null byte"),
        (["loop"], "Too many levels of symbolic links"),
        ([".", "--expect", ""], "is not a case"),
        ([".", "--expect", "psenet_sp_bs8_fp32_1\n"], r"'psenet_sp_bs8_fp32_1\n' is not a case"),
        ([".", "--expect", f"psenet_sp_bs1{'0' * 5000}_fp32_1"], "it has 5020 characters, at most 200 are allowed"),
        ([".", "--expect", f"psenet_sp_bs1{'0' * 180}_fp32_1"], "is more than 1048576"),
        ([".", "--\x1b[31mred"], r"--\x1b[31mred"),
        (["file"], "Not a directory"),
        ([], "DIR"),
        ([".", "--expect", "psenet_sp_bs8_fp3_1"], "did you mean psenet_sp_bs8_fp32_1?"),
        ([".", "--expect"], "--expect"),
        ([".", "--strict"], "--strict"),
    ],
)
def test_wrong_use_exits_with_2_and_names_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "file", "")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SystemExit) as ended:
        gate.main(arguments)
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert named in shown
    assert "Traceback" not in shown
    assert "\x1b" not in shown


def test_the_command_exits_with_its_verdict(tmp_path: Path) -> None:
    def exit_code() -> int:
        command = [sys.executable, "-m", "benchmarks.gate", str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True).returncode

    put(tmp_path, "a_speed", from_log())
    assert exit_code() == 0
    put(tmp_path, "b_speed", "")
    assert exit_code() == 1
