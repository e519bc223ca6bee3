"""What the schema of an artifact accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artifacts import TEN_FIELDS
from benchmarks.harness.results.formats import CONVERGENCE, SPEED
from benchmarks.harness.results.validation import MAX_PROBLEMS, problems
from samples import (
    KILLED,
    changed,
    converged_run,
    convergence_artifact,
    document,
    log_artifact,
    speed_artifact,
    without,
)


def failed(**changes: Any) -> dict[str, Any]:
    return document(speed_artifact("psenet_sp_bs8_fp32_1", KILLED), changes)


@pytest.fixture
def converged(tmp_path: Path) -> dict[str, Any]:
    return document(convergence_artifact(converged_run(tmp_path)))


def test_artifacts_of_runs_and_logs_good_or_failed_fit() -> None:
    for artifact in (speed_artifact(), speed_artifact(failure=KILLED), log_artifact(), log_artifact(KILLED)):
        assert problems(document(artifact), SPEED) == []


@pytest.mark.parametrize(
    ("changes", "named"),
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
        ({"details.extra": 1}, "extra"),
        ({"details.failure.message": "two\nlines"}, "failure.message"),
        ({"details.failure.kind": "Two Words"}, "failure.kind"),
        ({"details.failure.extra": 1}, "extra"),
        ({"details.seed": -1}, "details.seed"),
        ({"details.source": "guess"}, "details.source"),
        ({"details.run_id": "1"}, "details.run_id"),
    ],
)
def test_the_schema_refuses_and_names_a_wrong_field(changes: dict[str, Any], named: str) -> None:
    found = problems(failed(**changes), SPEED)
    assert found
    assert any(named in problem for problem in found)
    assert all("\n" not in problem for problem in found)


@pytest.mark.parametrize("missing", [*TEN_FIELDS, "details", "details.source", "details.started_at", "details.failure"])
def test_every_field_is_required(missing: str) -> None:
    name = missing.rpartition(".")[2]
    assert any(name in problem for problem in problems(without(failed(), missing), SPEED))


def test_every_field_of_the_details_is_required() -> None:
    for artifact in (speed_artifact(), speed_artifact(failure=KILLED), log_artifact()):
        whole = document(artifact)
        for name in whole["details"]:
            found = problems(without(whole, f"details.{name}"), SPEED)
            assert any(name in problem for problem in found), name


def test_a_good_artifact_has_no_failure() -> None:
    good = document(speed_artifact())
    assert "failure" not in good["details"]
    assert problems(changed(good, {"details.failure": {"kind": "x", "message": "y", "rank": None}}), SPEED)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_reported_wherever_it_is(number: float) -> None:
    assert problems(failed(**{"details.total_seconds": number}), SPEED) == [
        "document: contains NaN or infinity, which JSON does not have"
    ]


@pytest.mark.parametrize(
    ("requested", "convolution", "fits"),
    [("fp32", "ieee", True), ("fp32", "tf32", False), ("bf16", "tf32", False), ("tf32", "tf32", True)],
)
def test_the_arithmetic_must_be_that_of_the_precision(requested: str, convolution: str, fits: bool) -> None:
    changes = {
        "details.precision_requested": requested,
        "details.precision.matmul": "tf32" if requested == "tf32" else "ieee",
        "details.precision.convolution": convolution,
    }
    found = problems(document(speed_artifact(), changes), SPEED)
    assert found == [] if fits else any("details.precision.convolution" in problem for problem in found)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"convergence_value": 1.2}, "convergence_value"),
        ({"convergence_key": ""}, "convergence_key"),
        ({"UNIT": ""}, "UNIT"),
        ({"index": 1}, "index"),
        ({"loss_curve": []}, "loss_curve"),
        ({"loss_curve": [{"step": 1}]}, "loss_curve.0"),
        ({"scores": []}, "scores"),
        ({"scores": [{"step": 1}]}, "scores.0"),
        ({"seconds_to_tenths": []}, "seconds_to_tenths"),
        ({"extra": 1}, "extra"),
        ({"convergence_value": None}, "convergence_value"),  # passed, but without a value
        ({"FINAL_RESULT": 0}, "FINAL_RESULT"),
    ],
)
def test_the_schema_of_convergence_refuses_and_names_a_wrong_field(
    converged: dict[str, Any], changes: dict[str, Any], named: str
) -> None:
    assert problems(converged, CONVERGENCE) == []
    found = problems(changed(converged, changes), CONVERGENCE)
    assert any(named in problem for problem in found), found


def test_a_convergence_run_that_did_not_reach_its_end_has_no_value(converged: dict[str, Any]) -> None:
    unfinished = {"details.source": "unfinished_run"}
    found = problems(changed(converged, unfinished), CONVERGENCE)
    assert any(problem.startswith("convergence_value: None was expected") for problem in found), found


def test_a_document_that_is_wrong_everywhere_is_reported_in_part() -> None:
    wrong = document(speed_artifact(), {"details.ranks": [0] * 3000})
    assert len(problems(wrong, SPEED)) == MAX_PROBLEMS


def test_a_truth_value_is_no_number_and_is_shown_as_in_the_file() -> None:
    assert problems(failed(JOB_FAIL_FLAG=True), SPEED) == ["JOB_FAIL_FLAG: true is not 0 or 1"]
    assert problems(failed(**{"details.seed": False}), SPEED) == ["details.seed: false is not of type 'integer'"]
