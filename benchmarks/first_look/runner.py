"""Runs the pieces one after another, each in a process of its own and within its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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
END_SECONDS = 15.0  # a case that is asked to end writes its artifact first


@dataclass(frozen=True)
class Outcome:
    """How a piece ended; `remark` says why if not well, `last_line` is the last that it printed."""

    piece: Piece
    status: Status
    seconds: float = 0.0
    remark: str = ""
    last_line: str = ""


def run_all(
    request: Request, pieces: list[Piece], data: Path | None, report: Callable[[list[Outcome]], None]
) -> list[Outcome]:
    """Run the pieces that fit into the time. `report` gets all outcomes so far after each.

    `data` is the folder of the images; None if the first piece makes them.
    """
    end = time.monotonic() + 60 * request.minutes - END_SECONDS
    outcomes: list[Outcome] = []
    with _termination_as_interrupt():
        for piece in pieces:
            if piece.name == MAKE_DATA and data is not None:
                continue
            outcome = _skipped(piece, end - time.monotonic(), data, interrupted=_was_interrupted(outcomes))
            if outcome is None:
                log = request.folder / "logs" / f"{piece.name}.log"
                outcome = _run(piece, data, log, min(piece.limit_seconds, end - time.monotonic()))
                if piece.name == MAKE_DATA and outcome.status == "ok":
                    data = Path(outcome.last_line)
            outcomes.append(outcome)
            report(outcomes)
    return outcomes


def _was_interrupted(outcomes: list[Outcome]) -> bool:
    return any(outcome.status == "interrupted" for outcome in outcomes)


def _skipped(piece: Piece, left: float, data: Path | None, *, interrupted: bool) -> Outcome | None:
    """The outcome of a piece that cannot be run; None if it can."""
    if interrupted:
        return Outcome(piece, "skipped", remark="after the interruption")
    if piece.needs_data and data is None:
        return Outcome(piece, "skipped", remark="there are no images")
    if left < piece.expected_seconds:
        remark = f"needs about {piece.expected_seconds:.0f} s, but {max(0.0, left):.0f} s are left: --minutes"
        return Outcome(piece, "skipped", remark=remark)
    return None


def _run(piece: Piece, data: Path | None, log: Path, limit: float) -> Outcome:
    print(f"{piece.name} ...", flush=True)
    token, start = uuid.uuid4().hex, time.monotonic()
    command = [str(data) if part == DATA else part for part in piece.command]
    environment = {**os.environ, TOKEN_VARIABLE: token, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = _LogCopy(process.stdout, log)
    output.start()
    status: Status = "ok"
    remark = ""
    try:
        code = process.wait(timeout=limit)
        if code:
            status, remark = "failed", f"exit code {code}: logs/{log.name}"
    except subprocess.TimeoutExpired:
        status, remark = "timed out", f"ended after {limit:.0f} s: logs/{log.name}"
    except KeyboardInterrupt:
        status, remark = "interrupted", f"logs/{log.name}"
    if status in ("timed out", "interrupted"):
        _ask_to_end(process)
    end_all(process, token)
    output.join(timeout=END_SECONDS)
    return Outcome(piece, status, time.monotonic() - start, remark, output.last_line)


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does: pytest ends its case and writes what it has."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=END_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        print("it does not end by itself and is killed", file=sys.stderr)


class _LogCopy(threading.Thread):
    """Copies what a piece prints to its log, line by line and without private data; `last_line` is kept as it was."""

    def __init__(self, output: IO[bytes], log: Path) -> None:
        super().__init__(daemon=True)
        self._output, self._log = output, log
        self.last_line = ""

    def run(self) -> None:
        with self._output, self._log.open("w", encoding="utf-8") as file:
            for line in self._output:
                text = line.decode(errors="backslashreplace")
                self.last_line = text.strip() or self.last_line
                file.write(redact(text))
                file.flush()


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the piece as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
