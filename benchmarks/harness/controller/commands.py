"""A command of the suite in processes of its own: within its time, ended in order, its output redacted in a file."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.controller.processes import end_all
from benchmarks.harness.controller.train_log import TrainLog
from benchmarks.harness.protocol.processes import COMMAND_VARIABLE, TOKEN_VARIABLE

POLL_SECONDS = 0.2
PR_SET_PDEATHSIG = 1  # of Linux
LIBC = ctypes.CDLL(None)


class Interruption:
    """Whether the user, or the system, has asked for the end. A signal ends nothing by itself, so none strikes while a
    command is started or ended, or a result is written. For `termination.handled`.
    """

    def __init__(self) -> None:
        self.came = False

    def note(self, *_: object) -> None:
        """The handler of a signal."""
        self.came = True


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        seconds: from its start to the end of its last process.
        code: exit code; None if it could not be started.
        last_line: the last one that it printed, not redacted.
        timed_out, interrupted: whether it was asked to end, and why.
        killed: whether it did not end when it was asked to.
        error: why it could not be started; empty if it was.
    """

    seconds: float = 0.0
    code: int | None = None
    last_line: str = ""
    timed_out: bool = False
    interrupted: bool = False
    killed: bool = False
    error: str = ""


def run_command(
    command: Sequence[str],
    log_path: Path,
    *,
    folder: Path,
    environment: Mapping[str, str],
    limit_seconds: float,
    end_seconds: float,
    interruption: Interruption,
) -> Ended:
    """Run a command in a folder until it ends, its time is over, or an interruption came.

    A command that must end gets SIGINT, as by Ctrl-C: pytest then ends its case and writes what it has. After
    `end_seconds` it is killed. No process of it is left, also if it was killed and could not end its own.

    Raises:
        OSError: if the log cannot be written.
    """
    token, start = uuid.uuid4().hex, time.monotonic()
    with TrainLog(log_path) as log:
        try:
            process = subprocess.Popen(
                list(command),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env={**environment, TOKEN_VARIABLE: token, COMMAND_VARIABLE: token, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=_prepare,
            )
        except OSError as error:  # a limit of processes, files or memory
            return Ended(error=f"cannot be started: {error.strerror}")
        assert process.stdout is not None
        copier = threading.Thread(target=log.copy, args=(process.stdout,), name="log", daemon=True)
        timed_out = killed = False
        end = start + limit_seconds
        try:
            copier.start()
            while (code := process.poll()) is None:
                timed_out = time.monotonic() > end
                if interruption.came or timed_out:
                    killed = not _ends_when_asked(process, end_seconds)
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=POLL_SECONDS)
        finally:
            end_all(process, token)
            if copier.ident is not None:
                copier.join(timeout=end_seconds)
            if not copier.is_alive():  # a stray process may hold the other end; closing would wait for it
                process.stdout.close()
        interrupted = code is None and not timed_out
    if log.error is not None:
        raise log.error
    seconds = time.monotonic() - start
    return Ended(seconds, process.returncode, log.last_line, timed_out, interrupted, killed)


def _prepare() -> None:
    """Of a command, before it begins. SIGTERM comes as soon as this process is gone, killed for example: else the
    command would keep the GPU, without its time limit. SIGINT can end it, also if this process ignores it, as one that
    a script started with `&` does.
    """
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _ends_when_asked(process: subprocess.Popen[bytes], end_seconds: float) -> bool:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=end_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
