"""Pairs of runs, as the comparison reads them from artifacts."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from benchmarks.compare.document import MachineState, Pair, ProcedureParameters, RunFigures
from benchmarks.compare.judging.procedure import Turn
from benchmarks.compare.judging.statistics import looks

FIRST_TURN = Turn(1, 1, False)


def run_figures(
    samples_per_second: float | None = 1.0,
    cpu_seconds_per_sample: float | None = 1.0,
    *,
    machine: MachineState = "quiet",
    threads: int | None = 2,
    failure: str | None = None,
) -> RunFigures:
    return RunFigures(
        artifact="runs/1_base/index/speed",
        run_id=None,
        started_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
        command_seconds=30.0,
        samples_per_second=None if failure else samples_per_second,
        cpu_seconds_per_sample=None if failure else cpu_seconds_per_sample,
        threads=threads,
        processes=1,
        loader_workers=0,
        machine=machine,
        reasons=["load 7"] if machine == "disturbed" else [],
        light=False,
        failure=failure,
    )


def pair_of(base: RunFigures | None, head: RunFigures | None, turn: Turn = FIRST_TURN) -> Pair:
    """As `figures.pair` builds it."""
    ratio = cpu_ratio = None
    if base is not None and head is not None:
        if base.samples_per_second and head.samples_per_second:
            ratio = head.samples_per_second / base.samples_per_second
        if base.cpu_seconds_per_sample and head.cpu_seconds_per_sample:
            cpu_ratio = base.cpu_seconds_per_sample / head.cpu_seconds_per_sample
    return Pair(
        number=turn.number,
        attempt=turn.attempt,
        head_first=turn.head_first,
        counted=True,
        base=base,
        head=head,
        ratio=ratio,
        cpu_ratio=cpu_ratio,
    )


def measured(
    turn: Turn, log_ratio: float = 0.0, *, cpu_log_ratio: float = 0.0, machine: MachineState = "quiet"
) -> Pair:
    """The pair of a turn, whose head has these log ratios to the base."""
    head = run_figures(math.exp(log_ratio), math.exp(-cpu_log_ratio), machine=machine)
    return pair_of(run_figures(machine=machine), head, turn)


def procedure_parameters(
    *,
    max_pairs: int = 12,
    allowed: float = 0.03,
    seed: int = 1,
    max_attempts: int = 3,
    max_repeats: int = 6,
    stored_drift: float = 0.05,
) -> ProcedureParameters:
    return ProcedureParameters(
        allowed_slowdown=allowed,
        alpha=0.05,
        looks=list(looks(max_pairs)),
        max_pairs=max_pairs,
        budget_minutes=None,
        max_attempts=max_attempts,
        max_repeats=max_repeats,
        seed=seed,
        stored_drift=stored_drift,
        common_options=[],
    )
