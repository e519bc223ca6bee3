"""From what the processes of a case left behind to the one cause of its failure.

If one rank dies, the others fail in the collective that waits for it: a consequence, not the cause. NCCL then aborts
its process, and the agent kills ranks that do not end in time. So the causes are tried in an order, `CAUSES`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.controller.abort import AbortReader
from benchmarks.harness.controller.run_folder import write_error
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.exits import RankExit, read_rank_exits, read_rendezvous_error
from benchmarks.harness.protocol.records import Failure

AGENT_SIGNALS = (signal.SIGTERM,)  # the agent ends the other ranks with it
OUT_OF_MEMORY_KILLER = "the out-of-memory killer of the system, or of its control group"
KILLED_LOADER = "is killed by signal: Killed"  # torch's text
LATE_SECONDS = 25.0  # the agent waits 30 s before it kills


@dataclass(frozen=True)
class Exits:
    """How the processes of a case ended.

    Attributes:
        ranks: those that did not end well, in the order in which this was seen.
        agent: exit code of the agent; -N if it was ended by signal N, 0 if there was none.
    """

    ranks: Sequence[RankExit] = ()
    agent: int = 0

    @classmethod
    def of(cls, exit_code: int, run_folder: Path, *, has_agent: bool) -> Exits:
        """From the exit code of the process that was started: the agent, which left those of the ranks, or rank 0."""
        if has_agent:
            return cls(read_rank_exits(run_folder), exit_code)
        return cls([RankExit(0, exit_code, time.monotonic())] if exit_code else [])


@dataclass(frozen=True)
class Evidence:
    """What is known after the processes of a case have ended.

    Attributes:
        ranks: what the ranks of this node reported.
        exits: how the processes ended.
        rendezvous_error: why the nodes did not meet; None if they did.
        run_folder: where all of them report.
        abort: what a process printed as it aborted.
        oom_kills: processes that the kernel has ended meanwhile for want of memory.
    """

    ranks: Sequence[RankEvents]
    exits: Exits
    rendezvous_error: str | None
    run_folder: Path
    abort: AbortReader
    oom_kills: int = 0

    @property
    def first_reported(self) -> RankEvents | None:
        """The rank that reported a failure first."""
        failed = [events for events in self.ranks if events.failure is not None]
        return min(failed, key=lambda events: events.failure_time, default=None)


def cause_of_failure(
    ranks: Sequence[RankEvents], run_folder: Path, exits: Exits, abort: AbortReader, oom_kills: int = 0
) -> Failure | None:
    """Why a case failed; None if all its ranks ended well."""
    evidence = Evidence(ranks, exits, read_rendezvous_error(run_folder), run_folder, abort, oom_kills)
    return next((failure for cause in CAUSES if (failure := cause(evidence)) is not None), None)


def _rendezvous(evidence: Evidence) -> Failure | None:
    if evidence.rendezvous_error is None:
        return None
    return Failure("rendezvous", f"the nodes did not meet: {evidence.rendezvous_error}")


def _aborted_rank(evidence: Evidence) -> Failure | None:
    """A rank that could not report what ended it: memory, or its GPU. Others then report that they miss it."""
    if evidence.abort.kind not in ("out_of_memory", "device"):
        return None
    reported = [events.rank for events in evidence.ranks if events.failure is not None]
    for each in evidence.exits.ranks:
        if -each.exit_code == signal.SIGABRT and each.rank not in reported:
            return _aborted(each.rank, evidence.abort)
    return None


def _aborted(rank: int, abort: AbortReader) -> Failure:
    return Failure(abort.kind, f"rank {rank} aborted: {abort.line}", rank)


def _killed_rank(evidence: Evidence) -> Failure | None:
    """A rank ended by a signal that neither the agent sent nor another failure explains."""
    for each in evidence.exits.ranks:
        number = -each.exit_code
        if number > 0 and number not in AGENT_SIGNALS and not _follows(each, evidence.first_reported):
            if number == signal.SIGABRT and evidence.abort.line is not None:
                return _aborted(each.rank, evidence.abort)
            if number == signal.SIGKILL and evidence.oom_kills:
                return Failure("out_of_memory", f"rank {each.rank} was ended by {OUT_OF_MEMORY_KILLER}", each.rank)
            return Failure("killed", f"rank {each.rank} was killed by {_signal_name(number)}", each.rank)
    return None


def _follows(exit_: RankExit, reported: RankEvents | None) -> bool:
    """Whether a signal follows from a failure that was reported: NCCL aborts, or the agent kills a late rank."""
    if reported is None:
        return False
    return -exit_.exit_code == signal.SIGABRT or exit_.time > reported.failure_time + LATE_SECONDS


def _reported_failure(evidence: Evidence) -> Failure | None:
    failure = None if evidence.first_reported is None else evidence.first_reported.failure
    if failure is not None and KILLED_LOADER in failure.message and evidence.oom_kills:
        return Failure("out_of_memory", f"a loader process was ended by {OUT_OF_MEMORY_KILLER}", failure.rank)
    return failure


def _full_run_folder(evidence: Evidence) -> Failure | None:
    """A process that could not report: there is no room for its report."""
    exits = evidence.exits
    unreported = exits.ranks or exits.agent or any(not events.results for events in evidence.ranks)
    reason = write_error(evidence.run_folder) if unreported else None
    return None if reason is None else Failure("output", reason)


def _silent_exit(evidence: Evidence) -> Failure | None:
    """A rank that ended without a report."""
    if not evidence.exits.ranks:
        return None
    first = evidence.exits.ranks[0]
    if evidence.abort.kind == "out_of_memory":
        return _aborted(first.rank, evidence.abort)
    if first.exit_code < 0:
        return Failure("killed", f"rank {first.rank} was ended by {_signal_name(-first.exit_code)}", first.rank)
    message = f"rank {first.rank} ended with exit code {first.exit_code}; see the train log"
    return Failure("exception", message, first.rank)


def _agent_failure(evidence: Evidence) -> Failure | None:
    exit_code = evidence.exits.agent
    if exit_code < 0:
        return Failure("killed", f"the agent was killed by {_signal_name(-exit_code)}")
    if exit_code > 0:
        message = f"the agent ended with exit code {exit_code}; see the train log"
        return Failure("exception", message)
    return None


def _missing_result(evidence: Evidence) -> Failure | None:
    silent = [events.rank for events in evidence.ranks if not events.results]
    return (
        Failure("exception", f"rank {silent[0]} ended without a result; see the train log", silent[0])
        if silent
        else None
    )


CAUSES: tuple[Callable[[Evidence], Failure | None], ...] = (
    _rendezvous,
    _aborted_rank,
    _killed_rank,
    _reported_failure,
    _full_run_folder,
    _silent_exit,
    _agent_failure,
    _missing_result,
)
"""In order: the first that applies is the cause."""


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (often the system's out-of-memory killer)" if number == signal.SIGKILL else name
