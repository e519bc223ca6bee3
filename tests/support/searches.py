"""Made-up searches for the largest batch: which batch trains is a limit, or a failure of one batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.harness.controller.planning import new_run
from benchmarks.harness.protocol.largest_batch import LargestBatchReport
from benchmarks.harness.protocol.plan import Plan
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import MemoryPeaks
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results import largest_batch
from benchmarks.harness.results.largest_batch_artifact import LargestBatchArtifact
from samples import planned_run, rank_report, rank_result, step_record, training_report

CASE = "psenet_sp_bs8_fp32_cpu1"
FULL = Failure("out_of_memory", "MemoryError: no memory", 0)
Fails = Callable[[int], Failure | None]
"""Batch per process -> why it does not train; None if it does."""


def above(limit: int, failure: Failure = FULL) -> Fails:
    return lambda batch: failure if batch > limit else None


def end_try(run: Run, failure: Failure | None = None, **training: Any) -> Run:
    """A try, ended after 10 s: trained in 0.5 s per step, with 1 MB per sample, unless it failed."""
    plan, batch, on_gpu = run.plan, run.case.batch_size_per_process, run.case.device == "cuda"
    run.seconds, run.failure = 10.0, failure
    if failure is not None:
        return run
    for rank in range(run.case.processes):
        records = [
            step_record(index, warmup=index <= plan.warmup_steps, samples=batch, loss=1 / index)
            for index in range(1, plan.total_steps + 1)
        ]
        report = rank_report(
            rank,
            "a" if run.case.mode == "mp" else None,
            cuda="1" if on_gpu else None,
            training=training_report(plan, rank, **training),
        )
        peak = batch * 10**6
        memory = MemoryPeaks(
            peak_memory_bytes=peak, run_peak_reserved_bytes=peak if on_gpu else None, peak_reserved_bytes=None
        )
        own = LargestBatchReport(memory_limit_bytes=10**12, free_bytes=10**11 if on_gpu else None)
        report = structs.replace(report, memory=memory)
        result = rank_result(rank, records, seconds=0.5 * plan.steps, own=own, report=report)
        run.ranks[rank].records.extend(records)
        run.results.append(result)
    return run


def searched(fails: Fails, case: str = CASE, most_tries: int = 100, **settings: Any) -> Run:
    """A search that has ended, after its last try or after `most_tries`."""
    run = planned_run(case, "largest_batch", **settings)
    while len(run.tries) < most_tries and (plan := largest_batch.next_plan(run)) is not None:
        run.tries.append(end_try(new_run(plan, strict_machine=False), fails(plan.case.batch_size_per_process)))
    run.seconds = 1.0 + sum(each.seconds for each in run.tries)
    run.finished_at = run.started_at + run.seconds
    return run


def batches(run: Run) -> list[int]:
    return [each.case.batch_size_per_process for each in run.tries]


def artifact_of(run: Run) -> LargestBatchArtifact:
    name = f"{run.case.log_name}_largest_batch"
    return largest_batch.build(run, Path("logs/train_log") / name, Path("index"))


def planned_try(run: Run) -> Plan:
    plan = largest_batch.next_plan(run)
    assert plan is not None
    return plan
