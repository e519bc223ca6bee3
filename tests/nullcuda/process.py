"""A process on the null CUDA device, which calls functions of `tests/nullcuda/checks` and returns what they return."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from suite import ROOT, suite_environment

TIME_LIMIT = 120.0
LOG_CHARACTERS = 16_000
RESULTS_VARIABLE = "NULLCUDA_RESULTS"
"""Environment variable: the file descriptor on which the process answers."""


class OnDeviceError(AssertionError):
    """A function failed on the device: its traceback, or what the process printed before it ended or was ended."""


def device_environment(libraries: Path, **variables: str) -> dict[str, str]:
    """Environment variables of a process on the device that `build` made in a folder.

    `NULLCUDA_DEVICES` is the number of GPUs (1); `NULLCUDA_ERROR` plants an error, see source/state.c.
    """
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return {
        "LD_LIBRARY_PATH": f"{libraries}:{inherited}" if inherited else str(libraries),
        "LD_PRELOAD": str(libraries / "libnullcuda.so"),
        "TRITON_LIBCUDA_PATH": str(libraries),
        **variables,
    }


class DeviceProcess:
    """One process for many calls, so that torch is imported once. It starts with the first call, and again after a call
    that ended it or ran past its time limit.
    """

    def __init__(self, libraries: Path, log: Path, **variables: str) -> None:
        self._environment = suite_environment(**device_environment(libraries, **variables))
        self._log_path = log
        self._process: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None

    def call(self, function: str, *arguments: object, limit: float = TIME_LIMIT) -> Any:
        """Call "module:function" of `tests/nullcuda/checks`. Arguments and result are what JSON can hold.

        Raises:
            OnDeviceError: if it raises, ends the process, or takes longer than `limit` seconds.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        log_start = self._log_path.stat().st_size
        self._process.stdin.write(json.dumps([function, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._answer(limit)
        if not answer:
            end = f"did not answer within {limit} s" if answer is None else "ended its process"
            code = self.stop()
            raise OnDeviceError(f"{function} {end} (exit code {code}):\n{self._log_since(log_start)}")
        outcome: dict[str, Any] = json.loads(answer)
        if "traceback" in outcome:
            raise OnDeviceError(f"{function}:\n{outcome['traceback']}\n{self._log_since(log_start)}")
        return outcome["result"]

    def stop(self) -> int | None:
        """End the process. Returns its exit code, None if there is none."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGUSR1)  # it writes the stacks of its threads to the log, and ends
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._answers is not None:
            self._answers.close()
        with contextlib.suppress(BrokenPipeError):
            process.communicate()
        return process.returncode

    def _start(self) -> None:
        self.stop()
        reading, writing = os.pipe()
        with self._log_path.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nullcuda.server"],
                cwd=ROOT,
                env={**self._environment, RESULTS_VARIABLE: str(writing)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[writing],
                text=True,
            )
        os.close(writing)
        self._answers = os.fdopen(reading)

    def _answer(self, limit: float) -> str | None:
        """One line; None after the time limit, "" if the process has ended."""
        assert self._answers is not None
        ready, _, _ = select.select([self._answers], [], [], limit)
        return self._answers.readline() if ready else None

    def _log_since(self, start: int) -> str:
        return self._log_path.read_bytes()[start:].decode(errors="replace")[-LOG_CHARACTERS:]
