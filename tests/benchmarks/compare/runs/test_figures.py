"""Figures of a run, from artifacts of this suite, of older ones and of none."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.compare.document import Pair, RunFigures
from benchmarks.compare.runs.figures import failed_run, pair, run_figures, versions_of
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.machine_verdict import judged
from samples import changed, document, log_artifact, machine_report, speed_artifact, without

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def figures(tmp_path: Path, content: Any) -> RunFigures:
    path = tmp_path / "a_speed"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    found = run_figures(path, artifact="runs/a_speed", started_at=NOW, command_seconds=30.0)
    assert msgspec.json.decode(msgspec.json.encode(found), type=RunFigures) == found  # fits the schema
    return found


def speed_json(**changes: Any) -> dict[str, Any]:
    return document(speed_artifact(), {key.replace("__", "."): value for key, value in changes.items()})


def test_a_good_artifact_gives_all_figures(tmp_path: Path) -> None:
    content = speed_json(details__ranks__0__cpu_seconds=6.0)
    details = content["details"]
    found = figures(tmp_path, content)
    assert (found.artifact, found.run_id) == ("runs/a_speed", details["run_id"])
    assert (found.started_at, found.command_seconds) == (NOW, 30.0)
    assert found.samples_per_second == details["samples"] / details["measured_seconds"]
    assert (found.cpu_seconds_per_sample, found.cpu_source) == (6.0 / details["samples"], "ranks")
    assert (found.machine, found.reasons, found.light, found.failure) == ("quiet", [], False, None)
    assert found.threads == details["threads_per_process"]
    assert (found.processes, found.loader_workers) == (1, details["loader_workers_per_process"])
    machine = details["machine"]
    of_case = machine["case_cpu_seconds"] / machine["observed_seconds"] * details["measured_seconds"]
    assert found.case_cpu_seconds_per_sample == of_case / details["samples"]


def test_cpu_seconds_that_ranks_counted_have_priority(tmp_path: Path) -> None:
    content = document(speed_artifact("psenet_mp_bs4_fp32_cpu2"))
    for rank, seconds in zip(content["details"]["ranks"], (3.0, 5.0), strict=True):
        rank["cpu_seconds"] = seconds
    found = figures(tmp_path, content)
    assert found.cpu_seconds_per_sample == 8.0 / content["details"]["samples"]
    assert found.cpu_source == "ranks"
    assert found.threads == 2 * content["details"]["threads_per_process"]


def test_of_an_older_artifact_the_cpu_seconds_are_those_of_the_whole_case(tmp_path: Path) -> None:
    content = document(speed_artifact("psenet_mp_bs4_fp32_cpu2"))
    del content["details"]["ranks"][1]["cpu_seconds"]
    details, machine = content["details"], content["details"]["machine"]
    cpu = machine["case_cpu_seconds"] / machine["observed_seconds"] * details["measured_seconds"] / details["samples"]
    found = figures(tmp_path, content)
    assert found.cpu_source == "case"
    assert found.cpu_seconds_per_sample is not None
    assert math.isclose(found.cpu_seconds_per_sample, cpu)


def test_a_gpu_case_has_no_cpu_seconds(tmp_path: Path) -> None:
    found = figures(tmp_path, document(speed_artifact("psenet_sp_bs8_fp32_1")))
    assert (found.cpu_seconds_per_sample, found.cpu_source) == (None, None)
    assert found.samples_per_second is not None


def test_a_result_that_its_details_contradict_is_a_failure(tmp_path: Path) -> None:
    found = figures(tmp_path, speed_json(details__samples=1000))
    assert found.samples_per_second is None
    assert found.failure is not None
    assert found.failure.startswith("FINAL_RESULT is ")


def test_a_disturbed_machine_is_reported_with_its_reasons(tmp_path: Path) -> None:
    machine = msgspec.to_builtins(judged(machine_report(steal_fraction=0.5)))
    found = figures(tmp_path, speed_json(details__machine=machine))
    assert found.machine == "disturbed"
    assert found.reasons == machine["reasons"] != []


def test_the_ten_fields_alone_are_enough(tmp_path: Path) -> None:
    content = speed_json(details={})
    found = figures(tmp_path, content)
    assert found.samples_per_second == content["FINAL_RESULT"]
    assert (found.failure, found.machine, found.threads, found.run_id) == (None, "unknown", None, None)
    del content["details"]
    assert figures(tmp_path, content) == found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("details", 3),
        ("details.machine", None),
        ("details.machine.reasons", "text"),
        ("details.machine.reasons", [1, None]),
        ("details.machine.verdict", "unheard of"),
        ("details.machine.verdict", []),
        ("details.ranks", {}),
        ("details.ranks", [1, None]),
        ("details.samples", "many"),
        ("details.samples", 0),
        ("details.measured_seconds", -1.0),
        ("details.threads_per_process", True),
        ("details.threads_per_process", 0.5),
        ("details.run_id", 3),
        ("details.environment", []),
    ],
)
def test_details_of_another_form_cost_only_what_they_would_say(tmp_path: Path, path: str, value: object) -> None:
    found = figures(tmp_path, changed(speed_json(), {path: value}))
    assert found.failure is None
    assert found.samples_per_second is not None


def test_a_light_run_is_one(tmp_path: Path) -> None:
    assert figures(tmp_path, speed_json(details__source="light_run")).light


def test_a_flagged_artifact_names_its_failure(tmp_path: Path) -> None:
    content = document(speed_artifact(failure=Failure("disturbed", "step 3 was held up", 0)))
    found = figures(tmp_path, content)
    assert found.failure == "disturbed: step 3 was held up"
    assert (found.samples_per_second, found.cpu_seconds_per_sample) == (None, None)
    assert figures(tmp_path, without(content, "details")).failure == "JOB_FAIL_FLAG is set, without a reason"
    assert figures(tmp_path, changed(content, {"details.failure": "killed"})).failure == "killed"
    assert figures(tmp_path, changed(content, {"JOB_FAIL_FLAG": False})).failure == "disturbed: step 3 was held up"


@pytest.mark.parametrize(
    ("content", "failure"),
    [
        ("", "a_speed: not JSON: the file is empty"),
        ("[1]", "a_speed: not a speed JSON: FINAL_RESULT, JOB_FAIL_FLAG or index is missing"),
        ('{"FINAL_RESULT": 1, "index": 1}', "a_speed: not a speed JSON"),
        ('{"FINAL_RESULT": 1, "JOB_FAIL_FLAG": 0, "index": 2}', "a_speed: index is 2; only speed, 1, can be compared"),
        ('{"FINAL_RESULT": 0, "JOB_FAIL_FLAG": 0, "index": 1}', "FINAL_RESULT is 0, but JOB_FAIL_FLAG is 0"),
        ('{"FINAL_RESULT": "2", "JOB_FAIL_FLAG": 0, "index": 1}', "FINAL_RESULT is '2', but JOB_FAIL_FLAG is 0"),
        ('{"FINAL_RESULT": NaN, "JOB_FAIL_FLAG": 0, "index": 1}', "NaN"),
    ],
)
def test_a_file_that_is_no_result_is_a_failed_run(tmp_path: Path, content: str, failure: str) -> None:
    found = figures(tmp_path, content)
    assert found.failure is not None
    assert failure in found.failure
    assert found.samples_per_second is None


def test_a_missing_file_is_a_failed_run(tmp_path: Path) -> None:
    found = run_figures(tmp_path / "a_speed", artifact="a_speed")
    assert found.failure == "a_speed cannot be read: No such file or directory"


def test_a_document_may_name_what_is_no_path(tmp_path: Path) -> None:
    assert run_figures(tmp_path / "a\0speed", artifact="a").failure == "a\\x00speed: not a path"


def test_times_are_those_of_the_artifact_if_the_caller_measured_none(tmp_path: Path) -> None:
    path = tmp_path / "a_speed"
    content = speed_json(details__started_at="2026-01-02T03:04:05.5Z", details__total_seconds=12.5)
    path.write_text(json.dumps(content))
    found = run_figures(path, artifact="a_speed")
    assert found.started_at == datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=timezone.utc)
    assert found.command_seconds == 12.5


def run(rate: float | None = 2.0, cpu: float | None = 1.0, source: Any = "ranks", **more: Any) -> RunFigures:
    good = failed_run("a_speed", NOW, 30.0, "x")
    return msgspec.structs.replace(
        good,
        failure=None,
        samples_per_second=rate,
        cpu_seconds_per_sample=cpu,
        cpu_source=source,
        **{"threads": 2, "processes": 1, "loader_workers": 0} | more,
    )


def ratios(base: RunFigures | None, head: RunFigures | None) -> tuple[float | None, float | None]:
    found = pair(3, 1, head_first=True, base=base, head=head)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Pair) == found
    return found.ratio, found.cpu_ratio


def test_ratios_above_1_mean_that_the_head_is_better() -> None:
    assert ratios(run(2.0, 1.0), run(4.0, 0.25)) == (2.0, 4.0)


def test_a_failed_or_stored_side_has_no_ratio() -> None:
    assert ratios(run(), failed_run("a_speed", NOW, 1.0, "killed: x")) == (None, None)
    assert ratios(None, run()) == (None, None)
    assert ratios(run(cpu=None), run()) == (1.0, None)


def test_cpu_seconds_that_were_counted_in_different_ways_are_not_compared() -> None:
    assert ratios(run(source="ranks"), run(source="case")) == (1.0, None)
    base = run(cpu=1.0, source="ranks", case_cpu_seconds_per_sample=3.0)
    assert ratios(base, run(cpu=2.0, source="case", case_cpu_seconds_per_sample=2.0)) == (1.0, 1.5)


@pytest.mark.parametrize("name", ["threads", "processes", "loader_workers"])
def test_cpu_seconds_of_ranks_of_another_form_are_not_compared(name: str) -> None:
    assert ratios(run(), run()) == (1.0, 1.0)
    assert ratios(run(), run(**{name: 4})) == (1.0, None)
    assert ratios(run(**{name: None}), run(**{name: None})) == (1.0, None)


def test_versions_are_those_that_the_artifact_names() -> None:
    found = versions_of(speed_json(details__environment__torch="2.9.0"))
    assert found["torch"] == "2.9.0"
    assert "cuda" not in found
    assert "suite" not in found  # that of the installed package, whatever tree was measured
    assert versions_of({"details": {}}) == {}
    assert versions_of(document(log_artifact())) == {}
