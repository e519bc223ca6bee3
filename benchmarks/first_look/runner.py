"""Runs the pieces one after another, each in a process of its own and within its time."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from benchmarks.first_look.pieces import DATA, MAKE_DATA, Piece, Request
from benchmarks.harness.controller.processes import end_all
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE
from benchmarks.harness.results.redaction import redact

Status = Literal["ok", "failed", "timed out", "interrupted", "skipped"]
POLL_SECONDS = 0.2
PR_SET_PDEATHSIG = 1  # of Linux
LIBC = ctypes.CDLL(None)
END_SECONDS = 15.0  # a case that is asked to end writes its artifact first


@dataclass(frozen=True)
class Outcome:
    """How a piece ended; `remark` says why if not well, `last_line` is the last that it printed."""

    piece: Piece
    status: Status
    seconds: float = 0.0
    remark: str = ""
    last_line: str = ""


class Interruption:
    """Whether the user, or the system, has asked for the end."""

    def __init__(self) -> None:
        self.came = False

    def note(self, *_: object) -> None:
        """The handler of a signal."""
        self.came = True


def run_all(
    request: Request, pieces: list[Piece], data: Path | None, report: Callable[[list[Outcome]], None]
) -> list[Outcome]:
    """Run the pieces that fit into the time. `report` gets all outcomes so far after each.

    `data` is the folder of the images; None if the first piece makes them.
    """
    end = time.monotonic() + 60 * request.minutes - END_SECONDS
    outcomes: list[Outcome] = []
    with _interruption() as interruption:
        for piece in pieces:
            if piece.name == MAKE_DATA and data is not None:
                continue
            if interruption.came:
                ended = any(each.status == "interrupted" for each in outcomes)
                outcome = Outcome(piece, "skipped" if ended else "interrupted", remark="after the interruption")
            elif (skipped := _skipped(piece, end - time.monotonic(), data)) is not None:
                outcome = skipped
            else:
                log = request.folder / "logs" / f"{piece.name}.log"
                outcome = _run(piece, data, log, min(piece.limit_seconds, end - time.monotonic()), interruption)
                if piece.name == MAKE_DATA and outcome.status == "ok":
                    data = Path(outcome.last_line)
            outcomes.append(outcome)
            report(outcomes)
    return outcomes


def _skipped(piece: Piece, left: float, data: Path | None) -> Outcome | None:
    """The outcome of a piece that cannot be run; None if it can."""
    if piece.needs_data and data is None:
        return Outcome(piece, "skipped", remark="there are no images")
    if left < piece.expected_seconds:
        remark = f"needs about {piece.expected_seconds:.0f} s, but {max(0.0, left):.0f} s are left: --minutes"
        return Outcome(piece, "skipped", remark=remark)
    return None


def _run(piece: Piece, data: Path | None, log: Path, limit: float, interruption: Interruption) -> Outcome:
    say(f"{piece.name} ...")
    token, start = uuid.uuid4().hex, time.monotonic()
    command = [str(data) if part == DATA else part for part in piece.command]
    environment = {**os.environ, TOKEN_VARIABLE: token, "PYTHONUNBUFFERED": "1"}
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    except OSError as error:  # a limit of processes, files or memory
        return Outcome(piece, "failed", remark=f"cannot be started: {error.strerror}")
    assert process.stdout is not None
    output = _LogCopy(process.stdout, log)
    output.start()
    status, remark = _wait(process, log, limit, interruption)
    end_all(process, token)
    output.join(timeout=END_SECONDS)
    if output.error is not None:
        raise output.error
    return Outcome(piece, status, time.monotonic() - start, remark, output.last_line)


def _end_with_parent() -> None:
    """Of a piece, before it begins: SIGTERM as soon as this command is gone, killed for example. Else the piece would
    keep the GPU, without its time limit.
    """
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait(process: subprocess.Popen[bytes], log: Path, limit: float, interruption: Interruption) -> tuple[Status, str]:
    """Status and remark of a piece that has ended, or has been asked to."""
    end = time.monotonic() + limit
    while (code := process.poll()) is None:
        if interruption.came:
            _ask_to_end(process)
            return "interrupted", f"logs/{log.name}"
        if time.monotonic() > end:
            _ask_to_end(process)
            return "timed out", f"ended after {limit:.0f} s: logs/{log.name}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=POLL_SECONDS)
    return ("failed", f"exit code {code}: logs/{log.name}") if code else ("ok", "")


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does: pytest ends its case and writes what it has."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        say("it does not end by itself and is killed")


def say(text: str) -> None:
    """Print a line. A terminal or a pipe that is gone costs no measurement."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


class _LogCopy(threading.Thread):
    """Copies what a piece prints to its log, line by line and without private data.

    Attributes:
        last_line: as it was printed.
        error: why the log cannot be written. The piece does not notice: what it prints is still read.
    """

    def __init__(self, output: IO[bytes], log: Path) -> None:
        super().__init__(daemon=True)
        self._output, self._log = output, log
        self.last_line = ""
        self.error: OSError | None = None

    def run(self) -> None:
        with self._output:
            for line in self._output:
                text = line.decode(errors="backslashreplace")
                self.last_line = text.strip() or self.last_line
                self._append(redact(text))

    def _append(self, text: str) -> None:
        if self.error is not None:
            return
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            self.error = error


@contextmanager
def _interruption() -> Iterator[Interruption]:
    """Set by Ctrl-C, SIGTERM, and SIGHUP as of a lost connection. They end nothing by themselves, so none strikes while
    a piece is started or ended, or the summary is written.
    """
    interruption = Interruption()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # under nohup the run outlives the terminal
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interruption.note) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
