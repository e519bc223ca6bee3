"""A rank's second thread: ends the rank when pytest is gone, and tells where the rank stands when it stands still."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.harness.events import EventWriter

LOOK_SECONDS = 2.0

STAGES = ("set-up", "data", "forward", "backward", "optimizer", "reports")


@dataclass
class Position:
    """Where in its steps a rank is."""

    step: int = 0
    stage: str = STAGES[0]


def watch(parent_pid: int, run_folder: Path, position: Position, events: EventWriter) -> None:
    """Start watching, in a daemon thread. Ends the process within seconds of the parent's end, however that came."""
    try:
        parent = psutil.Process(parent_pid)
    except psutil.NoSuchProcess:
        os._exit(1)
    threading.Thread(target=_watch, args=(parent, run_folder, position, events), name="liveness", daemon=True).start()


def _watch(parent: psutil.Process, run_folder: Path, position: Position, events: EventWriter) -> None:
    seen, told = replace(position), replace(position)
    while _runs(parent):
        time.sleep(LOOK_SECONDS)
        if position == seen and position != told:  # a rank that moves is seen moving by its steps
            events.write("position", step=position.step, stage=position.stage)
            told = replace(position)
        seen = replace(position)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    shutil.rmtree(run_folder, ignore_errors=True)  # which pytest would have removed
    os._exit(1)  # nobody is left to read a message


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
