"""The command: which lines it shows, in which form, with which exit code."""

from __future__ import annotations

import csv
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.cases import parse_case
from benchmarks.harness.results.history import HISTORY, HistoryLine, history_line
from benchmarks.harness.results.history_file import append
from benchmarks.harness.results.machine_key import short_name
from benchmarks.history import command
from samples import KILLED, speed_artifact

PSENET, CRNN = "psenet_sp_bs2_fp32_cpu1", "crnnvgg128_sp_bs8_fp32_cpu1"
MIDNIGHT = datetime(2026, 3, 1, tzinfo=timezone.utc)
ONE_CORE = {"device": "cpu", "cpu": "Xeon", "cores": "1"}


def line(name: str, number: int, **changed: Any) -> HistoryLine:
    """The run of this number, so many hours after midnight."""
    artifact = speed_artifact(name, changed.pop("failed", None))
    made = history_line(artifact, "speed", parse_case(name), {"memory": "8 GiB"})
    moment = MIDNIGHT + timedelta(hours=number)
    return structs.replace(made, **{"run_id": f"{number:032x}", "started_at": moment, "git_commit": "a" * 40} | changed)


LINES = (
    line(PSENET, 1),
    line(CRNN, 2, machine=ONE_CORE, JOB_FAIL_FLAG=0, FINAL_RESULT=16.0, failure=None),
    line(PSENET, 3, FINAL_RESULT=5.0, versions={"torch": "2"}, git_commit="b" * 40, git_dirty=True),
    line(PSENET, 4, failed=KILLED),
    line(PSENET, 25, FINAL_RESULT=900.0, UNIT="MiB", measurement="memory", machine_verdict=None),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for each in LINES:
        append(tmp_path / HISTORY, each)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    assert command.main([str(each) for each in arguments]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out.splitlines()


def test_the_table_says_what_ran_when_on_what_and_what_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, other = short_name(LINES[0].machine), short_name(ONE_CORE)
    table = shown(capsys, folder)
    assert [line.split() for line in table[1:6]] == [
        ["2026-03-01", "01:00", PSENET, "4.000", "samples/sec", "-", "-", "4.000", "ok", "aaaaaaaa", here, "quiet"],
        ["2026-03-01", "02:00", CRNN, "16.000", "samples/sec", "-", "-", "16.000", "ok", "aaaaaaaa", other, "quiet"],
        [
            *("2026-03-01", "03:00", PSENET, "5.000", "samples/sec", "+25.0", "%", "+0.0", "%", "4.000"),
            *("ok", "bbbbbbbb+", here, "quiet", "torch", "1", "->", "2"),
        ],
        [
            "2026-03-01",
            "04:00",
            PSENET,
            "-",
            "samples/sec",
            "-",
            "-",
            "-",
            "killed",
            "aaaaaaaa",
            *table[4].split()[-2:],
        ],
        ["2026-03-02", "01:00", f"{PSENET}_memory", "900.000", "MiB", "-", "-", "4.000", "ok", "aaaaaaaa", here, "-"],
    ]
    assert f"machine {other}: device cpu, cpu Xeon, cores 1" in table


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ((), [1, 2, 3, 4, 25]),
        (("--case", "psenet_*"), [1, 3, 4, 25]),
        (("--case", "psenet"), []),
        (("--case", "psenet_*", "--case", CRNN, "--measurement", "speed"), [1, 2, 3, 4]),
        (("--since", "2026-03-02"), [25]),
        (("--until", "2026-03-01"), [1, 2, 3, 4]),
        (("--since", "2026-03-01T03:00Z", "--until", "2026-03-01T06:00+02:00"), [3, 4]),
        (("--machine", "xe?n"), [2]),
        (("--machine", short_name(ONE_CORE)), [2]),
        (("--revision", "BBBB"), [3]),
        (("--failed",), [4]),
        (("--passed", "--last", "2"), [3, 25]),
    ],
)
def test_filters_choose_lines(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], numbers: list[int]
) -> None:
    code = command.main([str(folder), "--format", "jsonl", *arguments])
    output = capsys.readouterr()
    assert [int(json.loads(text)["run_id"], 16) for text in output.out.splitlines()] == numbers
    assert code == (0 if numbers else 1)
    assert ("none of 5 lines matches; measurements: memory, speed; cases: crnn" in output.err) == (not numbers)


def test_a_change_is_the_same_whatever_else_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = csv.DictReader(shown(capsys, folder, "--format", "csv", "--revision", "bbbb"))
    assert (row["change_percent"], row["changed"], row["disturbed"]) == ("25.000", "torch 1 -> 2", "False")
    assert (row["started_at"], row["FINAL_RESULT"], row["git_dirty"]) == ("2026-03-01T03:00:00Z", "5.0", "True")
    assert json.loads(row["machine"]) == LINES[0].machine


def test_markdown_is_a_table_whose_texts_have_no_meaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(tmp_path / HISTORY, line(PSENET, 1, UNIT="<b>|\x1b[31m"))
    lines = shown(capsys, tmp_path, "--format", "markdown")
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 13
    assert "<b>" not in lines[2]
    assert "\x1b" not in lines[2]


@pytest.mark.parametrize(("width", "heading", "extra"), [(110, True, 1), (76, True, 1), (40, False, 6)])
def test_a_narrow_terminal_gets_less_or_shorter_lines(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    heading: bool,
    extra: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = shown(capsys, folder)
    rows = lines[: lines.index("")]
    assert max(map(len, rows)) <= width
    assert rows[0].startswith("started (UTC)") == heading
    assert len(rows) == heading + len(LINES) + extra
    assert "    changed: torch 1 -> 2" in rows, "nothing of that is left out"
    assert lines[len(rows) + 1].startswith("not shown on this narrow terminal: ")


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / HISTORY).open("ab") as file:
        file.write(b"{damaged\n")
    assert command.main([str(folder), str(folder / HISTORY), str(folder / "missing"), "--last", "1"]) == 1
    output = capsys.readouterr()
    assert f"{PSENET}_memory" in output.out
    assert output.err.splitlines() == [
        f"{folder / 'missing'} does not exist: nothing was measured, or the path is wrong",
        "2 damaged lines left out: not JSON, or not of a measurement",
        "5 lines left out: the same run is there twice",
    ]
    os.truncate(folder / HISTORY, 0)
    assert command.main([str(folder)]) == 1
    assert capsys.readouterr().err == "no measurement is recorded there\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--since", "yesterday"), "argument --since: 'yesterday' is not a date, for example 2026-03-01"),
        (("--last", "0"), "argument --last: '0' is not a whole number from 1"),
        (("--revision", "main"), "argument --revision: 'main' is not a commit: at least 4 hexadecimal digits"),
        (("--failed", "--passed"), "argument --passed: not allowed with argument --failed"),
        (("",), "the path is empty"),
    ],
)
def test_wrong_use_has_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
