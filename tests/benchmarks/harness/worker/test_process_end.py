from __future__ import annotations

import os
import subprocess
import sys

import pytest

from suite import ROOT

PROGRAM = """
import atexit, sys
from benchmarks.harness.worker.process_end import run_and_leave

class Slow:
    def __del__(self):
        print("taken down", flush=True)

slow = Slow()

def main(argument):
    atexit.register(print, "handler")
    print("main", argument)
    {end}
    return int(argument)

run_and_leave(main, "3")
"""


@pytest.mark.parametrize(
    ("end", "code", "printed"),
    [
        ("", 3, ["main 3", "handler"]),
        ("raise ValueError", 1, ["main 3", "handler", "taken down"]),
        ("sys.modules['coverage'] = sys", 3, ["main 3", "handler", "taken down"]),
    ],
)
def test_exit_handlers_run_and_modules_are_not_taken_down(end: str, code: int, printed: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(end=end)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (code, printed)
