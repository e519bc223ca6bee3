from __future__ import annotations

import subprocess
import time

import psutil

from benchmarks.harness.protocol.processes import is_running


def test_a_process_runs_until_it_ends_or_becomes_a_zombie() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        process = psutil.Process(child.pid)
        assert is_running(process)
        child.kill()
        deadline = time.monotonic() + 10
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_running(process)  # nobody has waited for it yet
    assert not is_running(process)
