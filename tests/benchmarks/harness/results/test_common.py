from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from msgspec import structs

from artifacts import TEN_FIELDS
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results import common
from benchmarks.harness.results.artifact import SCHEMA_VERSION
from benchmarks.harness.results.common import (
    describe_failure,
    failure_of,
    header,
    identity_fields,
    measured_fields,
    shown_path,
)
from benchmarks.harness.results.formats import CONVERGENCE, SPEED
from samples import KILLED, document, environment, finished_run, log_artifact, planned_run, rank_result, speed_artifact


def test_the_ten_fields_come_first_then_details() -> None:
    assert list(document(speed_artifact())) == [*TEN_FIELDS, "details"]
    assert list(document(speed_artifact(failure=KILLED))) == [*TEN_FIELDS, "details"]


def test_the_ten_fields_of_a_run_follow_from_its_case() -> None:
    run = planned_run("psenet_sp_bs8_fp32_1")
    fields = header(run, ROOT / "logs/train_log/x", SPEED, value=1.0, failure=None)
    assert list(fields.items()) == [
        ("log_file", "logs/train_log/x"),
        ("model_name", "ocr_PSENet_bs8_fp32"),
        ("mission_name", "OCR"),
        ("direction_id", 0),
        ("run_mode", "sp"),
        ("index", 1),
        ("gpu_num", 1),
        ("FINAL_RESULT", 1.0),
        ("JOB_FAIL_FLAG", 0),
        ("UNIT", "samples/sec"),
    ]
    assert header(run, Path("x"), CONVERGENCE, value=0.5, failure=None, unit="hmean")["UNIT"] == "hmean"


def test_a_failure_has_flag_1_and_result_0() -> None:
    fields = header(planned_run(), Path("x"), SPEED, value=3.0, failure=KILLED)
    assert (fields["JOB_FAIL_FLAG"], fields["FINAL_RESULT"]) == (1, 0)


def test_a_speed_below_one_sample_per_second_is_a_result() -> None:
    fields = header(planned_run(), Path("x"), SPEED, value=0.66666, failure=None)
    assert (fields["JOB_FAIL_FLAG"], fields["FINAL_RESULT"]) == (0, 0.667)


def test_the_identity_has_versions_a_run_id_and_times_in_utc() -> None:
    fields = identity_fields("0" * 32, 0.5, 0)
    assert (fields["schema_version"], fields["run_id"]) == (SCHEMA_VERSION, "0" * 32)
    assert fields["started_at"].isoformat() == "1970-01-01T00:00:00.500000+00:00"
    assert fields["finished_at"] is None
    details = document(speed_artifact())["details"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", details["started_at"])
    assert details["started_at"] < details["finished_at"]


def test_each_run_has_its_own_id() -> None:
    first, second = planned_run().run_id, planned_run().run_id
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


def test_a_checkout_that_is_not_installed_reports_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_package(name: str) -> str:
        raise PackageNotFoundError(name)

    common.suite_version.cache_clear()
    monkeypatch.setattr(common, "version", no_package)
    assert common.suite_version() == "not installed"
    common.suite_version.cache_clear()


def test_the_peak_memory_is_that_of_the_rank_that_used_most() -> None:
    run = finished_run()
    run.results.append(rank_result(1))
    assert measured_fields(run)["peak_memory_bytes"] == 10**9 + 1


def test_names_of_the_machine_are_redacted_from_device_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "redact", lambda text: text.replace("processor", "<host>").replace("1", "<ip>"))
    run = finished_run()
    report = run.results[0].report
    told = environment(nccl_settings=["NCCL_X=of a processor"])
    report = structs.replace(report, shared=structs.replace(report.shared, environment=told))
    run.results[0] = structs.replace(run.results[0], report=report)
    fields = measured_fields(run)
    assert fields["environment"].nccl_settings == ["NCCL_X=of a <host>"]
    assert fields["device"] == "a <host>"
    assert fields["environment"].torch == "<ip>"
    assert fields["environment"].cores == 2


def test_the_failure_of_an_artifact_is_found_whatever_its_details_are() -> None:
    assert failure_of(speed_artifact()) is None
    assert failure_of(speed_artifact(failure=KILLED)) == failure_of(log_artifact(KILLED)) == KILLED


def test_a_failure_is_described_in_one_line() -> None:
    assert describe_failure(KILLED) == "killed (rank 0): rank 0 was killed by SIGKILL"
    assert describe_failure(Failure("timeout", "not done after 9 s")) == "timeout: not done after 9 s"
    coloured = Failure("exception", "ValueError: \x1b[31mred\x1b[0m")
    assert describe_failure(coloured) == "exception: ValueError: red"


def test_a_path_is_relative_if_it_is_in_the_project_and_redacted_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "redact", lambda text: text.replace("/home/alice", "~"))
    assert shown_path(ROOT / "logs" / "a") == "logs/a"
    assert shown_path(Path("/home/alice/logs/a")) == "~/logs/a"
    assert shown_path(Path("a")) == "a"


def test_a_name_in_a_path_below_the_project_is_redacted_but_not_in_what_the_suite_has_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common, "redact", lambda text: text.replace("alice", "<user>"))
    path = ROOT / "logs" / "of-alice" / "train_log" / "ocr_alice_sp_bs8_fp32_1"
    assert shown_path(path) == "logs/of-<user>/train_log/ocr_alice_sp_bs8_fp32_1"
