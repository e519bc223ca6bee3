"""A case from its launch to its end, as the pytest process knows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.cases import Case
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.machine_report import MachineReport
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure, RankResult, StepRecord


@dataclass
class Run:
    """A case that is about to run, runs, or has ended.

    Attributes:
        run_id: unique, 32 hexadecimal digits.
        started_at, finished_at: Unix time in seconds; finished_at is 0 until the end. It is started_at plus `seconds`,
            because the clock of the system may be set while the case runs.
        ranks: what the ranks of this node have reported.
        failure: None if all is well.
        interrupted: whether the user ended it; its artifact is still written.
        seconds: from launch to end.
        phase_seconds: from launch to the beginning of each phase of the first rank.
        parts: of the time from launch to end: the second in which each begins, and its name, in order.
        machine: what the machine did during the measured steps; None if that is not known.
        attachment_problem: why the file next to the artifact could not be written; None if it was, or if there is none.
        strict_machine: whether any disturbance by the machine fails the case.
        limit_seconds: of this run, if it is one of several within the time limit of a case; else None.
        log_heading: line that precedes what it prints, in a train log that it shares with others; empty without any.
        tries: runs of which this one consists; empty if it is launched itself.
    """

    plan: Plan
    run_id: str
    ranks: list[RankEvents]
    started_at: float
    finished_at: float = 0.0
    failure: Failure | None = None
    interrupted: bool = False
    seconds: float = 0.0
    phase_seconds: dict[str, float] = field(default_factory=dict)
    parts: list[tuple[float, str]] = field(default_factory=list)
    machine: MachineReport | None = None
    attachment_problem: str | None = None
    strict_machine: bool = False
    limit_seconds: float | None = None
    log_heading: str = ""
    tries: list[Run] = field(default_factory=list)

    @property
    def case(self) -> Case:
        return self.plan.case

    @property
    def results(self) -> list[RankResult]:
        """Of all ranks on all nodes, in order of rank; empty unless all ended well."""
        return self.ranks[0].results

    @property
    def records(self) -> list[StepRecord]:
        """Steps of the first rank of this node, finished or not."""
        return self.ranks[0].records
