"""The command around the pieces: its options, its time, and what is left if a piece ends badly."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.first_look import command, runner
from benchmarks.first_look.command import main
from benchmarks.first_look.findings import FindingsFile, read_findings
from benchmarks.first_look.pieces import DATA, MAKE_DATA, Piece, Request, findings_path, pieces
from benchmarks.first_look.runner import Outcome, run_all
from benchmarks.first_look.summary import write_summary
from benchmarks.harness.controller import processes
from suite import ROOT
from waiting import until

END = 5.0


@pytest.fixture
def request_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Request]:
    monkeypatch.setattr(runner, "END_SECONDS", END)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)

    def make(**changed: Any) -> Request:
        for name in ("logs", "findings"):
            (tmp_path / name).mkdir(exist_ok=True)
        usual: dict[str, Any] = {"model": "psenet", "device": "cuda", "small": True, "folder": tmp_path, "minutes": 1}
        return Request(**usual | changed)

    return make


def piece(name: str, code: str, *, expected: float = 1, limit: float = 20, arguments: tuple[str, ...] = ()) -> Piece:
    return Piece(name, "?", expected, limit, (sys.executable, "-c", code, *arguments))


def run(request: Request, *planned: Piece, data: Path | None = None) -> list[Outcome]:
    return run_all(request, list(planned), data, lambda done: write_summary(request, done))


def has_ended(process: int) -> bool:
    return not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "0"], "argument --minutes: '0' is not a number of minutes above 0 and up to 600"),
        (["--minutes", "-3"], "argument --minutes: '-3' is not"),
        (["--minutes", "nan"], "argument --minutes: 'nan' is not"),
        (["--minutes", "inf"], "argument --minutes: 'inf' is not"),
        (["--minutes", "1e9"], "argument --minutes: '1e9' is not"),
        (["--minutes", "nine"], "argument --minutes: 'nine' is not"),
        (["--model", "psenetr"], "argument --model: invalid choice: 'psenetr'"),
        (["--device", "tpu"], "argument --device: invalid choice: 'tpu'"),
        (["--device", "cpu", "--data", "/no/such/folder"], "argument --data: /no/such/folder is not a folder"),
        (["--device", "cpu", "--output", "."], "argument --output: . is not an empty folder: name a new one"),
        (["--device", "cpu", "--output", "file"], "argument --output: file is not an empty folder"),
        (["--device", "cpu", "--output", "file/below"], "argument --output: file/below cannot be written: Not a dir"),
        (["--device", "cpu", "--output", "x" * 300], "cannot be written: File name too long"),
        ([], "no CUDA GPU was found"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "cuda_gpu_count", lambda: 0)
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_bad_end_of_a_piece_costs_only_this_piece(request_of: Callable[..., Request], tmp_path: Path) -> None:
    request = request_of()
    outcomes = run(
        request,
        piece("good", "print('fine')"),
        piece("wrong", "raise SystemExit('no')"),
        piece("killed", "import os; os.kill(os.getpid(), 9)"),
        piece("endless", "import time; time.sleep(99)", limit=0.7),
        piece("last", "print('fine')"),
    )
    assert [each.status for each in outcomes] == ["ok", "failed", "failed", "timed out", "ok"]
    assert outcomes[1].remark == "exit code 1: logs/wrong.log"
    assert outcomes[2].remark == "exit code -9: logs/killed.log"
    assert outcomes[3].remark == "ended after 1 s: logs/endless.log"
    assert outcomes[3].seconds < 30
    assert (tmp_path / "logs" / "wrong.log").read_text() == "no\n"
    assert [each["name"] for each in json.loads((tmp_path / "summary.json").read_text())["pieces"]] == [
        *("good", "wrong", "killed", "endless", "last")
    ]
    assert "| endless | timed out | " in (tmp_path / "summary.md").read_text()
    assert command._exit_code(outcomes) == 1


@pytest.mark.usefixtures("default_signals")
def test_a_piece_that_ignores_its_end_is_killed_with_its_children(
    request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runner, "END_SECONDS", 0.3)
    code = (
        "import os, pathlib, signal, subprocess, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "child = subprocess.Popen(['sleep', '99'], start_new_session=True); "
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid)); "
        "os.kill(os.getppid(), signal.SIGINT); time.sleep(99)"
    )
    (outcome,) = run(request_of(), piece("stubborn", code))
    assert outcome.status == "interrupted"
    assert has_ended(int((tmp_path / "child").read_text()))


def test_what_does_not_fit_is_skipped_and_what_fits_is_taken(request_of: Callable[..., Request]) -> None:
    request = request_of(minutes=(END + 8) / 60)
    outcomes = run(request, piece("long", "pass", expected=60), piece("short", "pass", expected=1))
    assert [each.status for each in outcomes] == ["skipped", "ok"]
    assert outcomes[0].remark.startswith("needs about 60 s, but ")
    assert outcomes[0].remark.endswith(" s are left: --minutes")
    assert command._exit_code(outcomes) == 0


def test_without_images_the_pieces_that_need_them_are_skipped(request_of: Callable[..., Request]) -> None:
    needs = piece("step", "import sys; print(sys.argv[1])", arguments=(DATA,))
    outcomes = run(request_of(), piece(MAKE_DATA, "raise SystemExit(1)"), needs, piece("other", "pass"))
    assert [each.status for each in outcomes] == ["failed", "skipped", "ok"]
    assert outcomes[1].remark == "there are no images"


def test_the_images_are_those_that_were_made_or_given(request_of: Callable[..., Request], tmp_path: Path) -> None:
    needs = piece("step", "import sys; print(sys.argv[1])", arguments=(DATA,))
    made = run(request_of(), piece(MAKE_DATA, f"print('making'); print({str(tmp_path)!r}); print()"), needs)
    assert made[1].last_line == str(tmp_path)
    given = run(request_of(), piece(MAKE_DATA, "raise SystemExit(1)"), needs, data=tmp_path / "own")
    assert [each.last_line for each in given] == [str(tmp_path / "own")]


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_ends_the_piece_and_keeps_what_is_known(
    request_of: Callable[..., Request], tmp_path: Path, number: signal.Signals
) -> None:
    request = request_of()
    started = tmp_path / "started"
    code = f"import pathlib, time; print('on'); pathlib.Path({str(started)!r}).touch(); time.sleep(99)"

    def interrupt() -> None:
        until(started.exists)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    outcomes = run(request, piece("first", "pass"), piece("long", code), piece("next", "pass"))
    thread.join()
    assert [each.status for each in outcomes] == ["ok", "interrupted", "skipped"]
    assert command._exit_code(outcomes) == 130
    assert "| first | ok | " in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "logs" / "long.log").read_text().startswith("on\n")


@pytest.mark.usefixtures("default_signals")
def test_interruptions_between_the_pieces_and_while_one_is_ended_leave_nothing_running(
    request_of: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the summary is written; and again, from an impatient user, while a piece is ended."""
    monkeypatch.setattr(runner, "END_SECONDS", 0.3)
    request = request_of()

    def report(done: list[Outcome]) -> None:
        write_summary(request, done)
        os.kill(os.getpid(), signal.SIGINT)

    outcomes = run_all(request, [piece("first", "pass"), piece("next", "pass"), piece("last", "pass")], None, report)
    assert [each.status for each in outcomes] == ["ok", "interrupted", "skipped"]
    assert command._exit_code(outcomes) == 130

    code = (
        "import os, signal, time; signal.signal(signal.SIGINT, lambda *_: os.kill(os.getppid(), signal.SIGINT)); "
        "os.kill(os.getppid(), signal.SIGINT); time.sleep(99)"
    )
    (outcome,) = run(request, piece("stubborn", code, arguments=(str(tmp_path),)))
    assert outcome.status == "interrupted"
    assert not [each for each in psutil.Process().children() if str(tmp_path) in each.cmdline()]


def test_a_piece_ends_if_the_command_is_killed(request_of: Callable[..., Request], tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = f"import os, pathlib, time; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(99)"
    program = (
        "import sys; from pathlib import Path; from benchmarks.first_look.runner import *; "
        "run_all(Request('psenet', 'cpu', True, Path(sys.argv[1]), 1), "
        "[Piece('long', '?', 1, 60, (sys.executable, '-c', sys.argv[2]))], None, print)"
    )
    look = subprocess.Popen([sys.executable, "-c", program, request_of().folder, code], cwd=ROOT)
    try:
        until(lambda: started.exists() and started.read_text() != "")
    finally:
        look.kill()
        look.wait()
    until(lambda: has_ended(int(started.read_text())))


def test_a_terminal_that_is_gone_and_a_full_disk_end_in_a_line(
    request_of: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of()
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:  # closing it fails, too
        monkeypatch.setattr(sys, "stdout", full)
        outcomes = run(request, piece("first", "print('fine')"))
        monkeypatch.undo()
    assert [each.status for each in outcomes] == ["ok"]
    (tmp_path / "logs" / "second.log").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        run(request, piece("second", "print('a line\\n' * 99999)"))


def test_a_figure_without_a_number_and_a_broken_line_cost_only_themselves(tmp_path: Path) -> None:
    file = FindingsFile(tmp_path / "findings.jsonl")
    file.add("clock", float("nan"), "MHz")
    with (tmp_path / "findings.jsonl").open("a") as other:
        other.write('{"name": "cut o')
    file.add("lost", 1.0)
    file.add("rate", float("inf"))
    file.add("copy", 2.0)
    found = [(each.name, each.value) for each in read_findings(tmp_path / "findings.jsonl")]
    assert found == [("clock", "nan"), ("rate", "inf"), ("copy", 2.0)]


def test_a_look_in_which_nothing_fits_is_no_success(request_of: Callable[..., Request]) -> None:
    assert command._exit_code(run(request_of(minutes=0.01), piece("long", "pass"))) == 1


def test_figures_of_a_piece_that_was_ended_are_kept_and_nothing_private_is_left(
    request_of: Callable[..., Request], tmp_path: Path
) -> None:
    request = request_of()
    path = findings_path(tmp_path, "half")
    file = FindingsFile(path)
    file.add("copy", 2.75, "TB/s")
    file.add("where", "10.1.2.3 | of someone@10.1.2.3")
    path.write_bytes(path.read_bytes() + b'{"name": "cut o')
    run(request, piece("half", "print('from 10.1.2.3'); raise SystemExit(1)"))
    page = (tmp_path / "summary.md").read_text()
    assert "| copy | 2.75 TB/s |" in page
    assert len(read_findings(path)) == 2
    written = [each.read_text() for each in tmp_path.rglob("*") if each.is_file()]
    assert not any("10.1.2.3" in text for text in written)


def test_cases_come_in_order_of_value_and_a_cpu_gets_its_own(request_of: Callable[..., Request]) -> None:
    names = [each.name for each in pieces(request_of(small=False))]
    cases = [f"psenet_sp_bs16_{each}_1" for each in ("bf16", "fp16", "bf16_compile", "fp32")]
    assert names == [MAKE_DATA, "ceilings", "step", *cases, "formats", "operations"]
    assert sum(each.expected_seconds for each in pieces(request_of(small=False))) < 9 * 60
    assert sum(each.expected_seconds for each in pieces(request_of(device="cpu"))) <= 60  # --device cpu --minutes 1
    assert "psenet_sp_bs2_fp32_cpu1" in [each.name for each in pieces(request_of(device="cpu"))]
    assert "operations" not in [each.name for each in pieces(request_of(model="psenetr18"))]
