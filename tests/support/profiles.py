"""Made-up profile runs: figures of hand-made events, as a rank reports them."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from benchmarks.harness.protocol.profile_report import CommunicationTime, ProfileReport
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.worker.profiling.analysis import Analysis, Profiled
from benchmarks.harness.worker.profiling.waits import RANGE
from profiler_events import host, kernel
from samples import planned_run, rank_report, rank_result, step_record, training_report

PROFILE_CASE = "psenet_sp_bs2_fp32_cpu1"


def profile_report(rank: int, steps: int, *, on_gpu: bool, communicates: bool, **changed: Any) -> ProfileReport:
    """Of steps of 0.5 s in all, in which the device computes for 0.4 s."""
    events = [
        host(RANGE, 0, 500_000),
        host("forward", 0, 300_000),
        host("aten::conv2d", 100_000, 300_000, number=1),
        host("backward", 300_000, 500_000),
        host("aten::mm", 300_000, 500_000, number=2),
    ]
    if on_gpu:
        events += [kernel("fprop", 100_000, 300_000, issuer=1), kernel("gemm", 300_000, 500_000, issuer=2)]
    found = Analysis(Profiled(events, steps, 0.05, on_gpu))
    own = found.rank_profile(rank, communicates=communicates)
    if communicates:
        own = structs.replace(own, communication=CommunicationTime(0.01, 0.005))
    return structs.replace(ProfileReport(own, None if rank else found.detail([]), steps), **changed)


def profiled_run(case: str = PROFILE_CASE, **changed: Any) -> Run:
    """A profile run that ended well; `changed` replaces fields of the reports."""
    run = planned_run(case, "profile")
    plan, on_gpu = run.plan, run.case.device == "cuda"
    for rank in range(run.case.processes):
        records = [
            step_record(
                index,
                warmup=index <= plan.warmup_steps,
                samples=run.case.batch_size_per_process,
                device_seconds=0.5 if on_gpu else None,
                loss=1 / index,
            )
            for index in range(1, plan.total_steps + 1)
        ]
        mp = run.case.mode == "mp"
        digest, cuda = "a" if mp else None, "1" if on_gpu else None
        report = rank_report(rank, digest, run.case.precision, cuda, training_report(plan, rank))
        own = profile_report(rank, plan.steps, on_gpu=on_gpu, communicates=mp, **changed)
        run.results.append(rank_result(rank, records, seconds=0.5 * plan.steps, own=own, report=report))
    run.seconds = 60.0
    run.finished_at = run.started_at + run.seconds
    return run
