"""One case, from its plan to what its processes reported: started, followed, and ended whatever happens.

This runs in the pytest process, which never imports torch.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Protocol

from benchmarks.cases import Case, ConvergenceCase
from benchmarks.harness import processes
from benchmarks.harness.events import RankEvents
from benchmarks.harness.failures import cause_of_failure
from benchmarks.harness.liveness import STAGES
from benchmarks.harness.records import Failure, RankResult, StepRecord
from benchmarks.harness.redaction import redact
from benchmarks.harness.settings import ROOT, Plan, Settings
from benchmarks.harness.train_log import TrainLog
from ocr_models.cache import default_cache_dir

POLL_SECONDS = 0.2  # often enough for a person, too seldom to take a core from the training
SHORTEST_STALL_SECONDS = 20.0
ENDING_SECONDS = 15.0  # in which the processes of a failed case are to end by themselves
STEPPING = ("warm-up", "window", "training")  # phases in which a sign of life is due after each step

# glibc would give every large block back to the system and ask for it again, page by page: 110,000 page faults in a
# step of the CPU case, a tenth of its time. So ranks keep their memory, in large pages. What the user has set stands.
ALLOCATOR = "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=2147483648:glibc.malloc.hugetlb=1"


class Progress(Protocol):
    """Who is shown the steps of a running case."""

    def step(self, record: StepRecord) -> None: ...


@dataclass
class Run:
    """A case that has ended, well or not.

    Attributes:
        ranks: what the ranks of this node have told.
        results: of all ranks on all nodes, in order of rank; empty unless all ended well.
        failure: None where all is well.
        interrupted: whether the user asked for the end; the artifact is still to be written.
        seconds: from start to end.
        phase_seconds: from the start of the case to the phases of rank 0.
    """

    case: Case
    plan: Plan
    ranks: list[RankEvents]
    failure: Failure | None = None
    interrupted: bool = False
    seconds: float = 0.0
    phase_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def results(self) -> list[RankResult]:
        return self.ranks[0].results

    @property
    def records(self) -> list[StepRecord]:
        """The steps of this node's first rank, finished or not."""
        return self.ranks[0].records


class _EndedError(Exception):
    """The launcher itself ends the case."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def planned(case: Case | ConvergenceCase, settings: Settings, ordinal: int = 0) -> Run:
    """A case about to be launched, the `ordinal`-th of its session."""
    plan = Plan.of(case, settings, ordinal)
    return Run(plan.parsed_case(), plan, [RankEvents(rank) for rank in plan.local_ranks])


def launch(run: Run, log_path: Path, progress: Progress) -> None:
    """Run a case in processes of its own, to its end. What goes wrong in it is said by `run.failure`.

    Raises:
        OSError: where the train log cannot be made.
    """
    started, started_at = time.monotonic(), time.time()
    with tempfile.TemporaryDirectory(prefix="ocr-case-", ignore_cleanup_errors=True) as folder:
        try:
            with _termination_as_interrupt(), TrainLog(log_path, redact) as log:
                data = run.plan.data or _synthetic_data(run.plan.timeout_seconds)
                run.plan = replace(run.plan, data=data, run_folder=folder)
                _run_processes(run, Path(folder), log, progress)
        except KeyboardInterrupt as interrupt:
            run.interrupted = True
            run.failure = Failure("interrupted", f"ended by {interrupt.args[0] if interrupt.args else 'Ctrl-C'}")
        except _EndedError as ended:
            run.failure = ended.failure
    run.seconds = time.monotonic() - started
    run.phase_seconds = {name: at - started_at for name, at in run.ranks[0].phase_times.items()}


def _synthetic_data(timeout_seconds: float) -> str:
    """The synthetic set's folder. Made, or found made, in a process of its own, whose progress bar shows on stderr."""
    command = [sys.executable, "-m", "ocr_models.data.synthetic"]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        raise _EndedError(Failure("timeout", f"the synthetic set was not made within {timeout_seconds:g} s")) from None
    answer = done.stdout.strip()
    if done.returncode:
        raise _EndedError(Failure("data", redact(answer) or f"making the synthetic set failed ({done.returncode})"))
    return answer


def _run_processes(run: Run, run_folder: Path, log: TrainLog, progress: Progress) -> None:
    plan_path = run_folder / "plan.json"
    run.plan.write(plan_path)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "benchmarks.harness.agent", str(plan_path)],
        cwd=ROOT,
        env=_environment(run),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for pytest alone, which then ends the case in an orderly way
    )
    assert process.stdout is not None
    copier = threading.Thread(target=log.copy, args=(process.stdout,), name="train-log", daemon=True)
    copier.start()
    try:
        _follow(run, process, run_folder, log, progress)
        process.wait(timeout=30)
    except _EndedError as ended:
        run.failure = ended.failure
        processes.dump_stacks([events.pid for events in run.ranks if events.pid is not None])
    finally:
        processes.end_all(process, run.plan.run_token)
        copier.join(timeout=5)
        for events in run.ranks:
            events.poll(run_folder)
    if run.failure is None:
        run.failure = _found_failure(run, run_folder, process.returncode, log)


def _found_failure(run: Run, run_folder: Path, exit_code: int, log: TrainLog) -> Failure | None:
    failure = cause_of_failure(run.ranks, run_folder, exit_code) or log.failure
    return None if failure is None else replace(failure, message=redact(failure.message))


def _follow(run: Run, process: subprocess.Popen[bytes], run_folder: Path, log: TrainLog, progress: Progress) -> None:
    """Wait for the end of the processes, passing on their steps, no longer than the time limit and no stall allows."""
    started = last_sign = time.monotonic()
    while not log.ended.wait(POLL_SECONDS) and process.poll() is None:
        signs = [events.signs for events in run.ranks]
        records = [events.poll(run_folder) for events in run.ranks]
        for record in records[0]:
            progress.step(record)
        now = time.monotonic()
        if signs != [events.signs for events in run.ranks]:
            last_sign = now
        _check_told(run, now - last_sign)
        _check_time(run, now - started, now - last_sign)


def _check_told(run: Run, silent_seconds: float) -> None:
    """A rank that has told its failure, and yet the processes do not end: the failure it told is the cause."""
    told = [events for events in run.ranks if events.failure is not None]
    if told and silent_seconds > ENDING_SECONDS:
        first = min(told, key=lambda events: events.failure_time).failure
        assert first is not None
        raise _EndedError(replace(first, message=redact(first.message)))


def _check_time(run: Run, seconds: float, silent_seconds: float) -> None:
    limit = run.plan.timeout_seconds
    if seconds > limit:
        where = f"{run.ranks[0].phase}, step {len(run.records)} of {run.plan.total_steps}"
        raise _EndedError(Failure("timeout", f"not done after {limit:g} s (--ocr-timeout), in {where}"))
    if silent_seconds > stall_seconds(run):
        raise _EndedError(_hang(run.ranks, silent_seconds))


def _hang(ranks: list[RankEvents], seconds: float) -> Failure:
    """The rank that is furthest behind: the others wait for it in a collective. None where they stand together."""
    positions = [(events.position[0], STAGES.index(events.position[1])) for events in ranks]
    behind = [index for index, position in enumerate(positions) if position == min(positions)]
    step, stage = ranks[behind[0]].position
    who = f"rank {ranks[behind[0]].rank} has" if len(behind) == 1 else "the ranks have"
    where = stage if step == 0 else f"{stage} of step {step}"
    message = f"{who} made no progress for {seconds:.0f} s, in {where}; the train log holds every rank's stacks"
    return Failure("hang", message, ranks[behind[0]].rank if len(behind) == 1 else None)


def stall_seconds(run: Run) -> float:
    """How long a case may show no sign of life before it counts as hung.

    Ten of its longest steps while it steps; in set-up, compilation, the first steps and the reports, for which there is
    no measure, half of its time limit, so that a hang is named before the limit is.
    """
    if all(events.phase == "start" for events in run.ranks):
        return math.inf  # the agent waits for other nodes, as long as it was told to
    half = max(SHORTEST_STALL_SECONDS, run.plan.timeout_seconds / 2)
    steps = [record.wall_seconds for record in run.records[1:]] if run.ranks[0].phase in STEPPING else []
    return min(half, max(SHORTEST_STALL_SECONDS, 10 * max(steps))) if steps else half


def _environment(run: Run) -> dict[str, str]:
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "GLIBC_TUNABLES": ALLOCATOR,
        "TORCHINDUCTOR_CACHE_DIR": str(
            default_cache_dir() / "torchinductor"
        ),  # compiled kernels serve the next case as well
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "OMP_NUM_THREADS": str(run.plan.threads),
        "TMPDIR": run.plan.run_folder,  # what processes that are killed leave there goes with the folder
        processes.TOKEN_VARIABLE: run.plan.run_token,
    }


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the case as Ctrl-C does: in order, with an artifact; and a second one cannot undo that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # under nohup the run is to outlive the terminal
    heeded = [number for number in numbers if number != signal.SIGHUP or not ignored]
    previous = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
