"""A command in processes of its own: what is known of it afterwards, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.harness.controller import commands, processes
from benchmarks.harness.controller.commands import Ended, Interruption, run_command
from benchmarks.harness.controller.processes import end_all


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)


def run(code: str, log: Path, *, limit: float = 60, end: float = 20, interruption: Interruption | None = None) -> Ended:
    return run_command(
        [sys.executable, "-c", code],
        log,
        folder=log.parent,
        environment=os.environ,
        limit_seconds=limit,
        end_seconds=end,
        interruption=interruption or Interruption(),
    )


def test_code_last_line_and_redacted_output_are_kept(tmp_path: Path) -> None:
    ended = run("import os; print(os.getcwd()); print('from 10.1.2.3'); print(); raise SystemExit(3)", tmp_path / "log")
    assert (ended.code, ended.last_line) == (3, "from 10.1.2.3")
    assert (ended.timed_out, ended.interrupted, ended.killed, ended.error) == (False, False, False, "")
    assert (tmp_path / "log").read_text().splitlines()[1] == "from <ip>"


def test_a_command_that_exceeds_its_time_is_asked_to_end(tmp_path: Path) -> None:
    code = "import time\ntry: time.sleep(99)\nexcept KeyboardInterrupt: print('saved', flush=True)"
    ended = run(code, tmp_path / "log", limit=2)
    assert (ended.timed_out, ended.interrupted, ended.killed) == (True, False, False)
    assert ended.last_line == "saved"


def test_it_can_be_asked_even_if_this_process_ignores_interrupts(tmp_path: Path) -> None:
    """As one does that a script started with `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = "import time\ntry: time.sleep(99)\nexcept KeyboardInterrupt: print('saved', flush=True)"
        ended = run(code, tmp_path / "log", limit=2, end=10)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.killed, ended.last_line) == (False, "saved")


def test_one_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "print(subprocess.Popen(['sleep', '99'], start_new_session=True).pid, flush=True); time.sleep(99)"
    )
    ended = run(code, tmp_path / "log", limit=2, end=0.3)
    assert (ended.timed_out, ended.killed) == (True, True)
    child = int(ended.last_line)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_an_interruption_that_came_before_ends_it_at_once(tmp_path: Path) -> None:
    interruption = Interruption()
    interruption.note()
    ended = run("import time; time.sleep(99)", tmp_path / "log", interruption=interruption)
    assert (ended.interrupted, ended.timed_out) == (True, False)
    assert ended.seconds < 50


def test_a_program_that_is_not_there_is_an_answer_and_a_log_that_cannot_be_written_an_error(tmp_path: Path) -> None:
    interruption = Interruption()
    ended = run_command(
        ["/nowhere/python"],
        tmp_path / "log",
        folder=tmp_path,
        environment={},
        limit_seconds=9,
        end_seconds=1,
        interruption=interruption,
    )
    assert (ended.code, ended.error) == (None, "cannot be started: No such file or directory")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        run("pass", tmp_path / "file" / "log")


def test_a_run_of_a_command_that_was_killed_is_ended(tmp_path: Path) -> None:
    """As ranks of a pytest that ran out of memory: they have a session and a token of their own."""
    code = (
        "import os, signal, subprocess; os.environ['OCR_BENCHMARK_RUN'] = 'another'; "
        "print(subprocess.Popen(['sleep', '99'], start_new_session=True).pid, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = run(code, tmp_path / "log", limit=20)
    assert ended.code == -signal.SIGKILL
    child = int(ended.last_line)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_nothing_is_left_after_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_ends_when_asked", lambda *_: 1 / 0)
    ended: list[subprocess.Popen[bytes]] = []

    def end_and_note(process: subprocess.Popen[bytes], token: str) -> None:
        end_all(process, token)
        ended.append(process)

    monkeypatch.setattr(commands, "end_all", end_and_note)
    with pytest.raises(ZeroDivisionError):
        run("import time; time.sleep(99)", tmp_path / "log", limit=0.1)
    assert ended[0].returncode is not None
