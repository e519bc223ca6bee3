from __future__ import annotations

import subprocess

import psutil

from benchmarks.harness.protocol.processes import is_running
from waiting import until


def test_a_process_runs_until_it_ends_or_becomes_a_zombie() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        process = psutil.Process(child.pid)
        assert is_running(process)
        child.kill()
        until(lambda: process.status() == psutil.STATUS_ZOMBIE)
        assert not is_running(process)  # nobody has waited for it yet
    assert not is_running(process)
