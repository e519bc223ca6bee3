"""Made-up results of memory cases: reports of ranks, runs that ended well, artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.harness.protocol.memory_report import (
    AllocatorEvents,
    BatchPeak,
    MemoryReading,
    MemoryReport,
    PeakMoment,
    Snapshot,
    StepMemory,
    TensorBytes,
)
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results import memory
from benchmarks.harness.results.memory_artifact import MemoryArtifact
from samples import planned_run, rank_report, rank_result, step_record, training_report

CPU, GPU = "psenet_mp_bs4_fp32_cpu2", "psenet_sp_bs8_bf16_1"


def step_memory() -> StepMemory:
    """A step that starts with 100 bytes and leaves 300 after its forward pass."""
    return StepMemory(
        set_up=MemoryReading(60, 400, 70),
        before_step=MemoryReading(100, 400, 100),
        forward=MemoryReading(400, 800, 500),
        backward=MemoryReading(150, 800, 700),
        optimizer=MemoryReading(100, 800, 160),
    )


def memory_report(*, on_gpu: bool = False, samples: int = 2, **changed: Any) -> MemoryReport:
    """Of a rank with a peak of 1000 bytes: 50 of parameters, 30 and 10 of optimiser and buffers, 10 of batches."""
    good = MemoryReport(
        peak_bytes=1000,
        graph_pool_bytes=0,
        peak_source="allocator" if on_gpu else "kernel",
        peak_reserved_bytes=1200 if on_gpu else None,
        host_peak_bytes=1500,
        loader_peak_bytes=300,
        step=step_memory(),
        tensors=TensorBytes(parameters=50, buffers=10, gradients=50, optimizer_state=30, batch=10),
        moment=PeakMoment(
            part="backward",
            place="head.weight",
            step_peak_bytes=990,
            allocated_bytes=420,
            allocated_before_step_bytes=100,
            gradient_bytes=20,
            new_gradient_bytes=20,
        ),
        moment_note=None,
        allocator=AllocatorEvents(0, 0, 1, 2) if on_gpu else None,
        batch_peaks=[BatchPeak(samples, 1000), BatchPeak(samples // 2, 600)],
        batch_note=None,
        snapshot=Snapshot("x_memory.snapshot.pickle", 100, 2, 9) if on_gpu else None,
        snapshot_note=None if on_gpu else "the case runs on the CPU",
    )
    return structs.replace(good, **changed)


def memory_run(case: str = CPU, *own: MemoryReport) -> Run:
    """A run that ended well, with the report of each rank."""
    run = planned_run(case, "memory")
    plan, on_gpu, samples = run.plan, run.case.device == "cuda", run.case.batch_size_per_process
    for rank in range(run.case.processes):
        records = [
            step_record(
                index, warmup=index <= plan.warmup_steps, samples=run.case.batch_size_per_process, loss=1 / index
            )
            for index in range(1, plan.total_steps + 1)
        ]
        report = rank_report(
            rank,
            "a" if run.case.mode == "mp" else None,
            run.case.precision,
            cuda="1" if on_gpu else None,
            training=training_report(plan, rank),
        )
        made = own[rank] if own else memory_report(on_gpu=on_gpu, samples=samples)
        if on_gpu:
            report = structs.replace(report, memory=structs.replace(report.memory, peak_memory_bytes=made.peak_bytes))
        run.results.append(rank_result(rank, records, own=made, report=report))
        run.ranks[rank].records.extend(records)
    run.seconds, run.finished_at = 60.0, run.started_at + 60.0
    return run


def memory_artifact(run: Run) -> MemoryArtifact:
    return memory.build(run, Path("logs/train_log") / f"{run.case.log_name}_memory", Path("index"))
