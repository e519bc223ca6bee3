"""The processes of a run: found wherever they are, and ended without exception."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence

import psutil

from benchmarks.harness.protocol.processes import COMMAND_VARIABLE, TOKEN_VARIABLE, is_running

GRACE_SECONDS = 3.0
DUMP_SECONDS = 0.5


def end_all(process: subprocess.Popen[bytes], token: str) -> None:
    """End `process`, its descendants, and every process with `token`: SIGTERM, then SIGKILL. Reaps `process`.

    The token is that of a run, or of the command that it belongs to. Returns after seconds in any case: a process of a
    frozen control group ends only when the group is thawed.
    """
    victims = _of_run(process.pid, token)
    for victim in victims:
        _signal(victim, signal.SIGTERM)
    psutil.wait_procs(victims, timeout=GRACE_SECONDS)
    for victim in {*filter(is_running, victims), *_of_run(process.pid, token)}:
        _signal(victim, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=GRACE_SECONDS)


def dump_stacks(pids: Sequence[int]) -> None:
    """Make ranks write their stacks to the train log, one after another because they share it."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            _signal(psutil.Process(pid), signal.SIGUSR1)
            time.sleep(DUMP_SECONDS)


def _of_run(pid: int, token: str) -> list[psutil.Process]:
    found = {}
    try:
        process = psutil.Process(pid)
        found = {each.pid: each for each in [process, *process.children(recursive=True)]}
    except psutil.NoSuchProcess:
        pass
    for other in psutil.process_iter():
        if other.pid not in found and _has_token(other, token):
            found[other.pid] = other
    return [each for each in found.values() if is_running(each)]


def _has_token(process: psutil.Process, token: str) -> bool:
    try:
        variables = process.environ()
    except (psutil.Error, OSError):
        return False
    return token in (variables.get(TOKEN_VARIABLE), variables.get(COMMAND_VARIABLE))


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
