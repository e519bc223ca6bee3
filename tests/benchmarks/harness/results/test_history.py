"""What a line of the history says of its measurement."""

from __future__ import annotations

import json

import msgspec

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.revision import Revision
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.history import HistoryLine, history_line
from samples import KILLED, speed_artifact

CASE = "psenet_sp_bs2_fp32_cpu1"
HERE = {"device": "cpu", "cpu": "a processor", "cores": "4", "memory": "8 GiB"}
REVISION = Revision("a" * 40, True)


def line_of(artifact: Header) -> HistoryLine:
    return history_line(artifact, "speed", parse_case(CASE), HERE, REVISION)


def test_a_line_has_the_ten_fields_first_and_says_which_run_it_is_of() -> None:
    document = json.loads(msgspec.json.encode(line_of(speed_artifact(CASE))))
    assert list(document)[:11] == [
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
        "measurement",
    ]
    assert (document["FINAL_RESULT"], document["case"], document["failure"]) == (4.0, CASE, None)
    assert len(document["run_id"]) == 32
    assert document["started_at"] < document["finished_at"]


def test_a_line_says_under_which_conditions_its_figure_was_obtained() -> None:
    line = line_of(speed_artifact(CASE))
    assert (line.precision, line.samples_per_second, line.machine_verdict) == ("fp32", 4.0, "quiet")
    assert line.matmul_tflops == 0.1
    assert line_of(speed_artifact(CASE, light=True)).matmul_tflops is None
    assert line.machine == {"device": "cpu", "cpu": "1", "cores": "2", "memory": "8 GiB"}, "what the ranks saw first"
    assert line.versions == {"torch": "1", "python": "1", "opencv": "1"}
    assert line.settings["image_size"] == 320
    assert (line.git_commit, line.light) == (None, False), "the ranks found no checkout"
    assert line_of(speed_artifact(CASE, light=True)).light


def test_a_case_that_failed_early_has_what_is_known_without_its_ranks() -> None:
    line = line_of(speed_artifact(CASE, KILLED))
    assert (line.JOB_FAIL_FLAG, line.FINAL_RESULT, line.failure) == (1, 0, KILLED)
    assert (line.git_commit, line.git_dirty, line.machine) == ("a" * 40, True, HERE)
    assert (line.samples_per_second, line.machine_verdict, line.versions) == (None, None, {})
    assert line.settings["image_size"] == 320


def test_a_line_of_an_older_version_can_be_read() -> None:
    document = json.loads(msgspec.json.encode(line_of(speed_artifact(CASE))))
    old = {name: document[name] for name in list(document)[: list(document).index("git_commit")]}
    line = msgspec.convert(old, HistoryLine)
    assert (line.machine, line.versions, line.samples_per_second, line.failure) == ({}, {}, None, None)
