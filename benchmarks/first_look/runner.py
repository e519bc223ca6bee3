"""Runs the pieces one after another, each in a process of its own and within its time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.first_look.pieces import DATA, MAKE_DATA, Piece, Request
from benchmarks.harness.controller.commands import Ended, Interruption, run_command
from benchmarks.harness.controller.termination import handled
from benchmarks.harness.protocol.machine import ROOT

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
    ended = run_command(
        [str(data) if part == DATA else part for part in piece.command],
        path,
        folder=ROOT,
        environment=os.environ,
        limit_seconds=limit,
        end_seconds=END_SECONDS,
        interruption=interruption,
    )
    if ended.killed:
        say("it did not end by itself and was killed")
    status, remark = _status(ended, path, limit)
    return Outcome(piece, status, ended.seconds, remark, ended.last_line)


def _status(ended: Ended, log: Path, limit: float) -> tuple[Status, str]:
    """Status and remark of a piece that has ended."""
    if ended.error:
        return "failed", ended.error
    if ended.interrupted:
        return "interrupted", f"logs/{log.name}"
    if ended.timed_out:
        return "timed out", f"ended after {limit:.0f} s: logs/{log.name}"
    return ("failed", f"exit code {ended.code}: logs/{log.name}") if ended.code else ("ok", "")


def say(text: str) -> None:
    """Print a line. A terminal or a pipe that is gone costs no measurement."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
