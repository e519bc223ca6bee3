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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.first_look.pieces import DATA, MAKE_DATA, Piece, Request
from benchmarks.harness.controller.processes import end_all
from benchmarks.harness.controller.termination import handled
from benchmarks.harness.controller.train_log import TrainLog
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE

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
    """Whether the user, or the system, has asked for the end. A signal ends nothing by itself, so none strikes while a
    piece is started or ended, or the summary is written.
    """

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
    interruption = Interruption()
    with handled(interruption.note):
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


def _run(piece: Piece, data: Path | None, path: Path, limit: float, interruption: Interruption) -> Outcome:
    """Raises OSError if the log cannot be written."""
    say(f"{piece.name} ...")
    token, start = uuid.uuid4().hex, time.monotonic()
    command = [str(data) if part == DATA else part for part in piece.command]
    environment = {**os.environ, TOKEN_VARIABLE: token, "PYTHONUNBUFFERED": "1"}
    with TrainLog(path) as log:
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
        copier = threading.Thread(target=log.copy, args=(process.stdout,), name="log", daemon=True)
        copier.start()
        status, remark = _wait(process, path, limit, interruption)
        end_all(process, token)
        copier.join(timeout=END_SECONDS)
        if not copier.is_alive():  # a stray process may hold the other end; closing would wait for it
            process.stdout.close()
    if log.error is not None:
        raise log.error
    return Outcome(piece, status, time.monotonic() - start, remark, log.last_line)


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
