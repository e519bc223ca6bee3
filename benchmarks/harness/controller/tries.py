"""Several runs of a case, one after another, each in fresh processes: for a measurement that consists of tries."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.harness.controller.launch import StepDisplay, launch
from benchmarks.harness.controller.planning import new_run
from benchmarks.harness.controller.termination import termination_as_interrupt
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.measurement import Tries

OpenDisplay = Callable[[Run], AbstractContextManager[StepDisplay]]


def launch_tries(run: Run, tries: Tries, log_path: Path, open_display: OpenDisplay, say: Callable[[str], None]) -> None:
    """Launch one run after another until the measurement has what it needs, or the time limit of the case is over.
    `run.tries` has the runs, `run.failure` what went wrong. All of them print into one train log.

    Raises:
        OSError: if the train log cannot be written.
    """
    began = time.monotonic()
    try:
        with termination_as_interrupt():
            _launch_all(run, tries, log_path, open_display, say, began)
    except KeyboardInterrupt as interrupt:  # between two tries; during one it is the try's
        run.interrupted = True
        run.failure = Failure("interrupted", f"ended by {interrupt.args[0] if interrupt.args else 'Ctrl-C'}")
    run.seconds = time.monotonic() - began
    run.finished_at = run.started_at + run.seconds
    run.failure = run.failure or tries.failure(run)


def _launch_all(
    run: Run, tries: Tries, log_path: Path, open_display: OpenDisplay, say: Callable[[str], None], began: float
) -> None:
    while not run.interrupted and (plan := tries.next_plan(run)) is not None:
        left = run.plan.timeout_seconds - (time.monotonic() - began)
        if left <= min((each.seconds for each in run.tries), default=0.0):
            return  # not even the shortest try would reach its end
        each = new_run(plan, strict_machine=run.strict_machine)
        each.limit_seconds = round(left, 1)
        each.log_heading = f"try {len(run.tries) + 1}: {plan.case}"
        with open_display(each) as display:
            launch(each, log_path, display)
        run.tries.append(each)
        run.interrupted = each.interrupted
        line = f"try {len(run.tries)}: {tries.line(each)}"
        with log_path.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")
        say(f"{run.case}: {line}")
