"""A second thread of agent and ranks: ends the process when pytest is gone; a rank's tells where it stands still."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.harness.events import EventWriter
from benchmarks.harness.processes import runs

LOOK_SECONDS = 2.0

STAGES = ("set-up", "data", "forward", "backward", "optimizer", "evaluation", "reports")


@dataclass
class Position:
    """Where in its steps a rank is."""

    step: int = 0
    stage: str = STAGES[0]


def watch(parent_pid: int, run_folder: Path, look: Callable[[], None] = lambda: None) -> None:
    """Start watching, in a daemon thread. Ends the process and what it started within seconds of the parent's end,
    however that came; calls `look` in between."""
    try:
        parent = psutil.Process(parent_pid)
    except psutil.NoSuchProcess:
        os._exit(1)
    threading.Thread(target=_watch, args=(parent, run_folder, look), name="liveness", daemon=True).start()


def standing_still(position: Position, events: EventWriter) -> Callable[[], None]:
    """To be called now and then: tells, once, where a rank stands that does not move."""
    seen, told = replace(position), replace(position)

    def look() -> None:
        nonlocal seen, told
        if position == seen and position != told:  # a rank that moves is seen moving by its steps
            events.write("position", step=position.step, stage=position.stage)
            told = replace(position)
        seen = replace(position)

    return look


def _watch(parent: psutil.Process, run_folder: Path, look: Callable[[], None]) -> None:
    try:
        while runs(parent):
            time.sleep(LOOK_SECONDS)
            with contextlib.suppress(OSError):  # a disk that is full: for the training itself to say
                look()
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        shutil.rmtree(run_folder, ignore_errors=True)  # which pytest would have removed
    finally:
        os._exit(1)  # nobody is left to read a message
