"""Entry point of a rank: `python -m benchmarks.harness.worker PLAN`, started by the agent, or by pytest if it is alone.

Opens the event file and starts the liveness thread before torch is imported, so that an error in that import, too, is
reported.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import traceback
from pathlib import Path

from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.events import EventWriter, Failed, Phase
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.stages import SET_UP, Position
from benchmarks.harness.worker.liveness import StallReporter, watch
from benchmarks.harness.worker.process_end import run_and_leave


def main(plan_path: str) -> int:
    """Returns the exit code of the process."""
    plan = Plan.read(Path(plan_path))
    local_rank = int(os.environ["LOCAL_RANK"])
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # the launcher asks for stacks if a case hangs
    events = EventWriter(Path(plan.run_folder), plan.local_ranks[local_rank])
    events.write(Phase(SET_UP, os.getpid()))
    position = Position()
    watch(plan.parent_pid, Path(plan.run_folder), StallReporter(position, events))
    try:
        with events.timed("imports"):
            from benchmarks.harness.worker.rank import run_rank  # imports torch
    except BaseException as error:
        traceback.print_exc()
        events.write(Failed(Failure("exception", one_line(error), events.rank)))
        return 1
    return run_rank(plan, local_rank, events, position)


if __name__ == "__main__":
    run_and_leave(main, sys.argv[1])
