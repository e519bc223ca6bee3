"""Work that is spread over processes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

import psutil
import pytest

from ocr_models.recognition.processes import in_processes
from suite import ROOT

SCRIPT = """
import os, time
from ocr_models.recognition.processes import in_processes

def report_and_sleep(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)

if __name__ == "__main__":
    os.sched_getaffinity = lambda pid: {0, 1}
    list(in_processes(report_and_sleep, [300, 300]))
"""


def pid_of(job: int) -> tuple[int, int]:
    return job, os.getpid()


def end_abruptly(job: int) -> None:
    os._exit(1)


def use_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


def test_results_come_in_order_from_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    use_two_cores(monkeypatch)
    results = list(in_processes(pid_of, range(20)))
    assert [job for job, _ in results] == list(range(20))
    assert os.getpid() not in {pid for _, pid in results}


def test_one_job_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    use_two_cores(monkeypatch)
    assert list(in_processes(pid_of, [7])) == [(7, os.getpid())]


def test_a_process_that_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    use_two_cores(monkeypatch)
    with pytest.raises(BrokenExecutor):
        list(in_processes(end_abruptly, [0, 1]))


def test_the_processes_end_if_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        workers = [psutil.Process(int(process.stdout.readline())) for _ in range(2)]
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=20)
        for worker in alive:
            worker.kill()
    assert not alive
