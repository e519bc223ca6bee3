"""The processes of a run are found wherever they are, and ended without exception."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from benchmarks.harness.controller import processes
from benchmarks.harness.controller.processes import dump_stacks, end_all
from benchmarks.harness.protocol.processes import TOKEN_VARIABLE, is_running

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(60)"


@contextmanager
def started(*arguments: str, token: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in its own session; it, or a child of it, has printed a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", *arguments],
        env={**os.environ, TOKEN_VARIABLE: token},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(processes, "DUMP_SECONDS", 0.0)


def test_a_process_that_ignores_sigterm_is_killed_with_its_children() -> None:
    with started(PARENT, STUBBORN) as process:
        (child,) = psutil.Process(process.pid).children()
        end_all(process, uuid.uuid4().hex)
        assert process.returncode is not None
        psutil.wait_procs([child], timeout=5)
        assert not is_running(child)


def test_a_process_of_the_run_that_lost_its_parent_is_ended_and_no_other() -> None:
    token = uuid.uuid4().hex
    with started(STUBBORN, token=token) as lost, started(STUBBORN, token="another") as other:
        with started(STUBBORN) as process:
            end_all(process, token)
        assert lost.wait(timeout=5) == -signal.SIGKILL
        assert other.poll() is None


def test_stacks_are_asked_for_and_a_process_that_is_gone_is_no_error() -> None:
    with started("import time; print('on', flush=True); time.sleep(60)") as process:
        dump_stacks([process.pid])
        assert process.wait(timeout=5) == -signal.SIGUSR1  # a rank writes its stacks instead
        dump_stacks([process.pid])
