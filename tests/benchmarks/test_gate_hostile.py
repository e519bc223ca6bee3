"""The gate on files that anybody may have put into its folder: it says one line of each, within seconds."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import gate
from hostile_files import FILES
from samples import document, log_artifact, speed_artifact
from suite import ROOT, suite_environment

MEMORY = 2**30


@dataclass(frozen=True)
class Judged:
    code: int
    shown: str
    errors: str
    seconds: float


def run_gate(folder: Path, *arguments: str, **environment: str) -> Judged:
    """The command in a process with little memory, its standard input a pipe that nobody writes to."""
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gate", str(folder), *arguments],
        cwd=ROOT,
        env=suite_environment(**environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown, errors = process.stdout.read().decode(), process.stderr.read().decode()
    return Judged(process.returncode, shown, errors, time.monotonic() - start)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("index")
    good = document(speed_artifact("psenet_sp_bs8_fp32_1"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        for name, (make, _) in FILES.items():
            make(folder / f"{name}_speed", good)
    finally:
        os.chdir(before)
    return run_gate(folder)


def test_every_file_is_judged_within_seconds(judged: Judged) -> None:
    assert judged.errors == ""
    assert judged.code == 1
    assert judged.seconds < 10
    assert judged.shown.splitlines()[-1] == f"0 of {len(FILES)} good"
    assert len(judged.shown.splitlines()) == len(FILES) + 2


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_is_said_in_one_line(judged: Judged, name: str) -> None:
    (line,) = [line for line in judged.shown.splitlines() if line.startswith(f"{name}_speed ")]
    assert "  invalid  " in line
    assert FILES[name][1] in line
    assert len(line) < 1500


NAMES = {
    b"line\nend_speed": r"line\nend_speed",
    b"\x1b[31mred_speed": r"\x1b[31mred_speed",
    b"back\rover_speed": r"back\rover_speed",
    "txet\u202eesrever_speed".encode(): r"txet\u202eesrever_speed",
    "zero\u200bwidth_speed".encode(): r"zero\u200bwidth_speed",
    b"\xff\xfe_speed": r"\udcff\udcfe_speed",
    b"a" * 249 + b"_speed": "a" * 249 + "_speed",
    "caf\u00e9_speed".encode(): "caf\u00e9_speed",
}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_name_and_no_text_reaches_the_terminal_as_it_is(tmp_path: Path, encoding: str) -> None:
    """Neither a forged row nor a control sequence, also if the terminal has few letters."""
    bad = document(log_artifact(), {"UNIT": "a/\x1b[2J\u202e", "model_name": "x\x9b"})
    for name in NAMES:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text(json.dumps(bad))
    (tmp_path / "z_speed").write_text(json.dumps({"\x1b]0;title\x07": "\x85"}))
    found = run_gate(tmp_path, PYTHONIOENCODING=encoding)
    assert found.errors == ""
    lines = found.shown.splitlines()
    assert len(lines) == len(NAMES) + 3
    assert all(character.isprintable() for line in lines for character in line)
    for name_shown in NAMES.values():
        shown = name_shown.encode(encoding, "backslashreplace").decode(encoding)
        assert any(line.startswith(f"{shown} ") for line in lines), shown


def test_a_folder_of_very_many_files_is_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(gate.MAX_FILES):
        (tmp_path / f"{number}_speed").touch()
    (tmp_path / ".hidden").touch()
    assert len(gate.judge_folder(tmp_path)) == gate.MAX_FILES
    (tmp_path / "one_more_speed").touch()
    assert gate.main([str(tmp_path)]) == 1
    assert "more than 1000 files" in capsys.readouterr().out


def test_a_folder_of_very_much_is_judged_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(document(log_artifact()))
    monkeypatch.setattr(gate, "MAX_TOTAL_BYTES", 2 * len(text))
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}_speed").write_text(text)
    with (tmp_path / "ab_speed").open("wb") as file:
        file.truncate(2**40)  # refused because of its size, so it counts nothing
    assert [verdict.status for verdict in gate.judge_folder(tmp_path)] == ["ok", "invalid", "ok", "invalid"]
    assert "not judged: the files before it" in gate.judge_folder(tmp_path)[-1].problems[0]


def test_a_file_that_vanishes_is_invalid_and_a_folder_that_vanishes_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate.judge(tmp_path / "gone_speed").problems == ("cannot be read: No such file or directory",)
    folder = tmp_path / "index"
    monkeypatch.setattr(gate, "_folder", Path)  # it was there when the options were read
    folder.touch()
    assert gate.main([str(folder), "--expect", "psenet_sp_bs8_fp32_1"]) == 1
    shown = capsys.readouterr().out
    assert "index cannot be read: Not a directory" in shown
    assert "missing" in shown


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_invalid(tmp_path: Path) -> None:
    path = tmp_path / "a_speed"
    path.touch(mode=0)
    assert gate.judge(path).problems == ("cannot be read: Permission denied",)


@pytest.mark.parametrize("device", ["full", "closed"])
def test_a_verdict_that_nobody_can_read_is_not_good(tmp_path: Path, device: str) -> None:
    (tmp_path / "a_speed").write_text(json.dumps(document(log_artifact())))
    command = [sys.executable, "-m", "benchmarks.gate", str(tmp_path)]
    if device == "full":
        target = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, target = os.pipe()
        os.close(reader)
    done = subprocess.run(command, cwd=ROOT, stdout=target, stderr=subprocess.PIPE, text=True)
    os.close(target)
    assert done.returncode == 1
    assert done.stderr.startswith("the verdict cannot be written: ")
    assert done.stderr.count("\n") == 1
