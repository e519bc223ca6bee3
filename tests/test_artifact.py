from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import artifact
from benchmarks.harness.records import Failure

TEN_FIELDS = [
    "log_file",
    "model_name",
    "mission_name",
    "direction_id",
    "run_mode",
    "index",
    "gpu_num",
    "FINAL_RESULT",
    "JOB_FAIL_FLAG",
    "UNIT",
]
PLAN = {
    "source": "run",
    "case": "psenet_sp_bs8_fp32_1",
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
}
FAILED = {**PLAN, "steps_done": 3, "total_seconds": 12.5}


def document(details: dict[str, Any] = FAILED, failure: Failure | None = None, **changed: Any) -> dict[str, Any]:
    made = artifact.speed_json(
        log_file="logs/train_log/ocr_PSENet_sp_bs8_fp32_1",
        model_name="ocr_PSENet_bs8_fp32",
        mission_name="OCR",
        direction_id=0,
        run_mode="sp",
        index=1,
        gpu_num=1,
        final_result=0.66666,
        unit="samples/sec",
        details=details,
        failure=failure or Failure("timeout", "not done after 900 s"),
    )
    return {**made, **changed}


def test_the_ten_fields_come_first_then_details() -> None:
    assert list(document()) == [*TEN_FIELDS, "details"]


def test_a_failure_has_flag_1_and_result_0_and_says_why() -> None:
    failed = document(failure=Failure("killed", "rank 1 was killed by SIGKILL", 1))
    assert (failed["JOB_FAIL_FLAG"], failed["FINAL_RESULT"]) == (1, 0)
    assert failed["details"]["failure"] == {"kind": "killed", "message": "rank 1 was killed by SIGKILL", "rank": 1}
    assert artifact.problems(failed) == []


def test_a_speed_below_one_sample_a_second_is_a_result() -> None:
    made = artifact.speed_json(
        log_file="log",
        model_name="ocr_PSENet_bs2_fp32",
        mission_name="OCR",
        direction_id=0,
        run_mode="sp",
        index=1,
        gpu_num=0,
        final_result=0.66666,
        unit="samples/sec",
        details=PLAN,
        failure=None,
    )
    assert (made["JOB_FAIL_FLAG"], made["FINAL_RESULT"]) == (0, 0.667)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"FINAL_RESULT": 5.0}, "FINAL_RESULT"),  # a failure with a result
        ({"FINAL_RESULT": -1}, "FINAL_RESULT"),
        ({"JOB_FAIL_FLAG": 2}, "JOB_FAIL_FLAG"),
        ({"JOB_FAIL_FLAG": 0}, "FINAL_RESULT"),  # passed, but without a result
        ({"JOB_FAIL_FLAG": "1"}, "JOB_FAIL_FLAG"),
        ({"run_mode": "dp"}, "run_mode"),
        ({"gpu_num": -1}, "gpu_num"),
        ({"gpu_num": 1.5}, "gpu_num"),
        ({"UNIT": "images/s"}, "UNIT"),
        ({"model_name": "PSENet"}, "model_name"),
        ({"direction_id": 3}, "direction_id"),
        ({"mission_name": "NLP"}, "mission_name"),
        ({"index": 2}, "index"),
        ({"log_file": ""}, "log_file"),
        ({"extra": 1}, "extra"),
        ({"details": {**FAILED, "extra": 1, "failure": {"kind": "x", "message": "y", "rank": None}}}, "extra"),
        ({"details": {**FAILED, "failure": {"kind": "x", "message": "two\nlines", "rank": None}}}, "failure.message"),
        ({"details": FAILED}, "failure"),  # a failure without its cause
        ({"details": {**FAILED, "seed": -1, "failure": {"kind": "x", "message": "y", "rank": 0}}}, "seed"),
    ],
)
def test_the_schema_refuses_and_names_what_does_not_fit(changed: dict[str, Any], named: str) -> None:
    found = artifact.problems({**document(), **changed})
    assert found
    assert any(named in problem for problem in found)
    assert all("\n" not in problem for problem in found)


@pytest.mark.parametrize("missing", [*TEN_FIELDS, "details"])
def test_every_field_is_required(missing: str) -> None:
    incomplete = document()
    del incomplete[missing]
    assert any(missing in problem for problem in artifact.problems(incomplete))


def test_what_is_written_is_one_line_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "index" / "ocr_PSENet_sp_bs8_fp32_1_speed"
    artifact.write(path, document())
    text = path.read_text()
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert artifact.read(path) == document() == json.loads(text)
    assert os.listdir(path.parent) == [path.name]


def test_an_invalid_document_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "speed"
    with pytest.raises(artifact.ArtifactError, match=r"speed does not fit speed\.schema\.json"):
        artifact.write(path, document(run_mode="dp"))
    assert not path.exists()


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    details = {**FAILED, "total_seconds": float("nan")}
    with pytest.raises((ValueError, artifact.ArtifactError)):
        artifact.write(tmp_path / "speed", document(details))


def test_an_older_file_stays_whole_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    artifact.write_atomically(path, "old")

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        artifact.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    artifact.write_atomically(tmp_path / "atomic", "")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_artifact_is_refused_by_name(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "ocr_PSENet_speed"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(artifact.ArtifactError, match=rf"ocr_PSENet_speed: .*{reason}"):
        artifact.read(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_a_problem_wherever_it_stands(number: float) -> None:
    assert artifact.problems(document({**FAILED, "total_seconds": number})) == [
        "document: holds NaN or infinity, which no JSON number is"
    ]


@pytest.mark.parametrize(
    ("requested", "convolution", "fits"),
    [("fp32", "ieee", True), ("fp32", "tf32", False), ("bf16", "tf32", False), ("tf32", "tf32", True)],
)
def test_the_arithmetic_in_force_must_be_that_of_the_precision(requested: str, convolution: str, fits: bool) -> None:
    precision = {"matmul": "tf32" if requested == "tf32" else "ieee", "convolution": convolution, "autocast": None}
    found = artifact.problems(document({**FAILED, "precision_requested": requested, "precision": precision}))
    assert any("details.precision.convolution" in problem for problem in found) is not fits
