"""One line per measurement, whatever happened to the file before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.results import history
from benchmarks.harness.results.history import HistoryLine, history_line
from samples import KILLED, speed_artifact

CASE = "psenet_sp_bs2_fp32_cpu1"


def good_line() -> HistoryLine:
    return history_line(speed_artifact(CASE), "speed", CASE)


def test_a_line_has_the_ten_fields_first_and_says_which_run_it_is_of(tmp_path: Path) -> None:
    history.append(tmp_path / "history.jsonl", good_line())
    (text,) = (tmp_path / "history.jsonl").read_text().splitlines()
    document = json.loads(text)
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


def test_a_failed_measurement_has_its_failure() -> None:
    line = history_line(speed_artifact(CASE, KILLED), "speed", CASE)
    assert (line.JOB_FAIL_FLAG, line.FINAL_RESULT, line.failure, line.git_commit) == (1, 0, KILLED, None)


@pytest.mark.parametrize(
    "before",
    [b"", b'{"half": "a li', b"\xff\xfe\x00", b"not JSON\n", b"[1, 2]\n", b"[" * 100_000, b'{"new": ' * 100_000],
    ids=lambda before: str(before[:8]),
)
def test_a_damaged_line_never_harms_the_others(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "history.jsonl"
    history.append(path, good_line())
    with path.open("ab") as file:
        file.write(before)
    history.append(path, good_line())
    lines, damaged = history.read(path)
    assert [line.case for line in lines] == [CASE, CASE]
    assert damaged == bool(before)


def test_a_line_is_written_at_once_and_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that lines of several runs into one file are never mixed, and survive a power failure."""
    calls: list[str] = []

    def spy(name: str) -> None:
        real: Any = getattr(os, name)

        def called(*given: Any) -> Any:
            calls.append(name)
            return real(*given)

        monkeypatch.setattr(os, name, called)

    for name in ("write", "fsync"):
        spy(name)
    history.append(tmp_path / "history.jsonl", good_line())
    assert calls == ["write", "fsync"]


def test_fields_of_a_later_version_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history.append(path, good_line())
    document = {**json.loads(path.read_text()), "new": 1}
    path.write_text(json.dumps(document) + "\n")
    assert history.read(path)[1] == 0


def test_a_light_run_is_marked() -> None:
    assert history_line(speed_artifact(CASE, light=True), "speed", CASE).light
    assert not good_line().light
