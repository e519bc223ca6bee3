"""Processes of a case: found wherever they are, and ended without exception."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence

import psutil

TOKEN_VARIABLE = "OCR_BENCHMARK_RUN"
"""In the environment of every process of a run: what a process orphaned on the way is still known by."""

GRACE_SECONDS = 3.0


def end_all(process: subprocess.Popen[bytes], token: str) -> None:
    """End `process`, its descendants, and every process that carries `token`: politely, then by force. Reaps it."""
    victims = _of_run(process.pid, token)
    for victim in victims:
        _signal(victim, signal.SIGTERM)
    psutil.wait_procs(victims, timeout=GRACE_SECONDS)
    for victim in _of_run(process.pid, token):
        _signal(victim, signal.SIGKILL)
    process.wait()


def dump_stacks(pids: Sequence[int]) -> None:
    """Have processes with a faulthandler on SIGUSR1 write their stacks, one after another: they share one log."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            _signal(psutil.Process(pid), signal.SIGUSR1)
            time.sleep(0.5)


def _of_run(pid: int, token: str) -> list[psutil.Process]:
    found = {}
    try:
        process = psutil.Process(pid)
        found = {each.pid: each for each in [process, *process.children(recursive=True)]}
    except psutil.NoSuchProcess:
        pass
    for other in psutil.process_iter():
        if other.pid not in found and _carries(other, token):
            found[other.pid] = other
    return [each for each in found.values() if runs(each)]


def runs(process: psutil.Process) -> bool:
    """Whether a process is neither gone nor a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _carries(process: psutil.Process, token: str) -> bool:
    try:
        return process.environ().get(TOKEN_VARIABLE) == token
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
