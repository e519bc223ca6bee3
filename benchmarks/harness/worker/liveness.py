"""A thread of the agent and of each rank: ends the process if pytest is gone, and reports a rank that does not move."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from benchmarks.harness.protocol.events import EventWriter, Stalled
from benchmarks.harness.protocol.processes import is_running
from benchmarks.harness.protocol.stages import Position

LOOK_SECONDS = 2.0


def watch(parent_pid: int, run_folder: Path, look: Callable[[], None] = lambda: None) -> None:
    """Start the thread. It ends this process and its children within seconds of the end of the parent, whatever ended
    it, and calls `look` every 2 seconds until then.
    """
    try:
        parent = psutil.Process(parent_pid)
    except psutil.NoSuchProcess:
        os._exit(1)
    threading.Thread(target=_watch, args=(parent, run_folder, look), name="liveness", daemon=True).start()


class StallReporter:
    """To be called regularly: reports, once, the step and stage of a rank that has not moved since the last call."""

    def __init__(self, position: Position, events: EventWriter) -> None:
        self._position, self._events = position, events
        self._seen = self._reported = replace(position)

    def __call__(self) -> None:
        position = replace(self._position)
        if position == self._seen and position != self._reported:  # the steps show that other ranks move
            self._events.write(Stalled(position.step, position.stage))
            self._reported = position
        self._seen = position


def _watch(parent: psutil.Process, run_folder: Path, look: Callable[[], None]) -> None:
    try:
        while is_running(parent):
            time.sleep(LOOK_SECONDS)
            with contextlib.suppress(OSError):  # a full disk: the training itself reports it
                look()
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        shutil.rmtree(run_folder, ignore_errors=True)  # pytest would have removed it
    finally:
        os._exit(1)  # nobody is left to read a message
