"""One rank of a case: set-up, the measurement that the plan names, and the result or the failure."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import msgspec
from msgspec import Raw, Struct

from benchmarks.harness.protocol.error_text import is_of_lost_peer, message_of, one_line
from benchmarks.harness.protocol.events import EventWriter, Failed, Finished
from benchmarks.harness.protocol.gpu_report import GpuReport
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure, RankResult, StepRecord
from benchmarks.harness.protocol.reports import RankReport
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.exceptions import failure_kind, print_and_find_cause
from benchmarks.harness.worker.group import Group
from benchmarks.harness.worker.set_up import SetUp, set_up


@dataclass(frozen=True)
class Measured:
    """What a measurement returns in a rank.

    Attributes:
        measured_seconds: wall-clock seconds of the measured steps.
        records: of all steps, warm-up included.
        report: what every rank reports (`probes/rank_report.py`).
        own: what this measurement adds.
        gpu: what was sampled of its GPU (`protocol/gpu_report.py`).
    """

    measured_seconds: float
    records: tuple[StepRecord, ...]
    report: RankReport
    own: Struct
    gpu: GpuReport | None = None


Measure = Callable[[SetUp], Measured]
"""A measurement in one rank. The plan names it as "module:function"."""


def run_rank(plan: Plan, local_rank: int, events: EventWriter, position: Position) -> int:
    """Take the plan's measurement and report its result, or the failure. Returns the exit code of the process."""
    group: Group | None = None
    try:
        with events.timed("imports"):
            measure = load_measure(plan.run_in_rank)
        prepared = set_up(plan, local_rank, events, position)
        group = prepared.group
        measured = measure(prepared)
        result = RankResult(
            rank=events.rank,
            measured_seconds=measured.measured_seconds,
            records=measured.records,
            report=measured.report,
            own=Raw(msgspec.json.encode(measured.own)),
            gpu=measured.gpu,
        )
        # Event files are local to a node, so the first rank of each node writes the results of all ranks.
        with events.timed("results"):
            results = group.all_results(result)
        for each in results if local_rank == 0 else [result]:
            events.write(Finished(each))
        group.leave()
    except BaseException as error:
        gc.disable()  # after an error of CUDA, torch aborts the process as it frees a pinned tensor
        cause = print_and_find_cause(error, position)
        events.write(Failed(_failure(cause, position, group, events.rank, plan.nodes)))
        return 1
    return 0


def load_measure(reference: str) -> Measure:
    """The function of "module:function"."""
    module, _, name = reference.partition(":")
    measure: Measure = getattr(import_module(module), name)
    return measure


def _failure(error: BaseException, position: Position, group: Group | None, rank: int, nodes: int) -> Failure:
    """The failure to report: this rank's own, unless it follows from another rank's."""
    failure = Failure(failure_kind(error, position.stage), one_line(error), rank)
    if group is None:
        return failure
    group.publish_failure(failure)
    if (cause := group.published_failure()) is not None:
        return cause
    if nodes > 1 and is_of_lost_peer(message_of(error)):
        # The agent sees a rank of its own node die. A rank of another node only stops answering.
        return Failure("killed", f"a rank on another node is gone: {one_line(error)}")
    return failure
