"""The result of a log artifact is a function of its details, and the gate finds details that contradict it."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import store
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.log import arithmetic_result, log_contradictions, log_result
from benchmarks.harness.results.speed import contradictions
from benchmarks.harness.results.speed_artifact import LogDetails, SpeedArtifact
from samples import document, log_artifact

MEANS = {"details.record_min": 2.0, "details.harmonic_mean": 3.0, "details.record_mean": 4.0, "details.record_max": 8.0}


def artifact(changes: dict[str, Any], failure: Failure | None = None) -> SpeedArtifact:
    return store.decoded(document(log_artifact(failure), changes), SPEED)


def details(**changes: Any) -> LogDetails:
    found = artifact(MEANS | {f"details.{name}": value for name, value in changes.items()}).details
    assert isinstance(found, LogDetails)
    return found


@pytest.mark.parametrize(
    ("mode", "result", "arithmetic"),
    [
        (-1, 8 * 3, 8 * 4),
        (0, 16 * 8 / 4, 16 * 8 / 4),
        (1, 3, 4),
        (2, 1 / 4, 1 / 4),
        (3, 16 * 8 * 3, 16 * 8 * 4),
        (4, 4, 4),
    ],
)
def test_rates_count_by_their_harmonic_mean_and_times_by_their_arithmetic_mean(
    mode: int, result: float, arithmetic: float
) -> None:
    found = details(model_mode=mode, processes_counted=8, base_batch_size=16)
    assert log_result(found) == result
    assert arithmetic_result(found) == arithmetic


def test_without_records_the_result_is_0() -> None:
    failed = log_artifact(Failure("no_record", "no record")).details
    assert isinstance(failed, LogDetails)
    assert log_result(failed) == arithmetic_result(failed) == 0


@pytest.mark.parametrize("value", [5e-324, 1e308])
def test_any_mean_yields_a_number(value: float) -> None:
    changes = {"record_mean": value, "harmonic_mean": value, "processes_counted": 10**400, "base_batch_size": 10**400}
    for mode in (-1, 0, 1, 2, 3, 4):
        assert log_result(details(model_mode=mode, **changes)) > 0


def test_a_good_artifact_and_a_failed_one_do_not_contradict_themselves() -> None:
    assert log_contradictions(log_artifact()) == []
    assert log_contradictions(log_artifact(Failure("no_record", "no record"))) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"FINAL_RESULT": 0.502}, "FINAL_RESULT: 0.502, but the details yield 0.500"),
        ({"details.harmonic_mean": 0.4, "details.record_min": 0.3}, "FINAL_RESULT: 0.5, but the details yield 0.400"),
        ({"details.arithmetic_mean": 0.6}, "details.arithmetic_mean: 0.6, but the details yield 0.500"),
        ({"details.record_mean": 0.6}, "details.record_mean: 0.6, but details.record_max is 0.5"),
        ({"details.record_min": 0.6}, "details.record_min: 0.6, but details.harmonic_mean is 0.5"),
        ({"details.records_used": 4}, "details.records_used: 4, but records_found 3 and skip_steps 0 leave 3"),
        ({"details.skip_steps": 1}, "details.records_used: 3, but records_found 3 and skip_steps 1 leave 2"),
        (
            {"details.processes_counted": 2},
            "details.processes_counted: 2, but gpu_num 1 and rate_scope process yield 1",
        ),
        ({"gpu_num": 2}, "details.processes_counted: 1, but gpu_num 2 and rate_scope process yield 2"),
        ({"details.model_mode": 1}, "UNIT: images/s, but model_mode 1 yields steps/s"),
        ({"details.model_mode": 0, "UNIT": "samples/sec"}, "details.base_batch_size: null, but model_mode 0 needs it"),
        ({"JOB_FAIL_FLAG": 1}, "JOB_FAIL_FLAG: 1, but details.failure is absent"),
    ],
)
def test_a_contradiction_is_named_with_its_values(changes: dict[str, Any], found: str) -> None:
    bad = artifact(changes)
    assert found in log_contradictions(bad)
    assert found in contradictions(bad)


def test_a_failed_artifact_has_no_result() -> None:
    bad = artifact({"FINAL_RESULT": 2.0, "JOB_FAIL_FLAG": 0}, Failure("no_record", "no record"))
    assert log_contradictions(bad) == [
        "JOB_FAIL_FLAG: 0, but details.failure is there",
        "FINAL_RESULT: not 0, but details.failure is there",
    ]


def test_the_scope_decides_the_number_of_processes() -> None:
    assert log_contradictions(artifact({"gpu_num": 8, "details.rate_scope": "global"})) == []
    assert log_contradictions(artifact({"gpu_num": 0})) == []
