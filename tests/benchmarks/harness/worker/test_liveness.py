from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.harness.protocol.events import EventWriter, RankEvents
from benchmarks.harness.protocol.processes import is_running
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.liveness import StallReporter
from suite import ROOT


def test_a_rank_that_does_not_move_reports_its_position_once(tmp_path: Path) -> None:
    events, reported = EventWriter(tmp_path, 0), RankEvents(0)
    position = Position()
    report = StallReporter(position, events)

    def lines() -> int:
        reported.poll(tmp_path)
        return len((tmp_path / "rank0.jsonl").read_text().splitlines())

    report()
    assert lines() == 0  # not yet in a step
    position.step, position.stage = 1, "forward"
    report()
    assert lines() == 0  # it has moved
    report()
    report()
    assert lines() == 1
    assert reported.position == (1, "forward")
    position.stage = "backward"
    report()
    assert lines() == 1
    report()
    assert lines() == 2
    assert reported.position == (1, "backward")
    events._file.close()


WATCHED = """
import subprocess, sys, time
from pathlib import Path
from benchmarks.harness.worker import liveness

liveness.LOOK_SECONDS = 0.1
liveness.watch(int(sys.argv[1]), Path(sys.argv[2]))
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_process_ends_with_pytest_and_its_children_and_removes_the_run_folder(tmp_path: Path) -> None:
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    with subprocess.Popen(["sleep", "60"]) as parent:
        command = [sys.executable, "-c", WATCHED, str(parent.pid), str(run_folder)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watched:
            assert watched.stdout is not None
            child = psutil.Process(int(watched.stdout.readline()))
            time.sleep(0.3)
            assert is_running(psutil.Process(watched.pid))
            parent.kill()
            assert watched.wait(timeout=20) == 1
            psutil.wait_procs([child], timeout=5)
            assert not is_running(child)
    assert not run_folder.exists()
