"""The memory measurement in one rank: the peak of a few steps after warm-up, then what it consists of.

All figures besides the peak come from further steps, so that nothing disturbs those of the peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from benchmarks.harness.protocol.compile_modes import CUDA_GRAPH_MODES
from benchmarks.harness.protocol.memory_report import (
    SNAPSHOT_FILE,
    AllocatorEvents,
    MemoryReading,
    MemoryReport,
    Snapshot,
)
from benchmarks.harness.protocol.reports import RankReport
from benchmarks.harness.protocol.stages import PROBES, WARM_UP, WINDOW, Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.probes.batch_peaks import batch_peaks
from benchmarks.harness.worker.probes.memory_gauge import AllocatorWatch, MemoryGauge, gauge_of, graph_pool_bytes
from benchmarks.harness.worker.probes.memory_parts import NOT_GLIBC, observed_moments, peak_moment, step_memory
from benchmarks.harness.worker.probes.memory_snapshot import STEPS, snapshot
from benchmarks.harness.worker.probes.process_memory import loader_peak_bytes, run_peak_bytes
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

ON_CPU = "the case runs on the CPU"
NOT_RANK_0 = "only rank 0 writes one"
CUDA_GRAPHS = "CUDA graphs keep the memory of a step in pools of their own: graph_pools"


def measure_memory(set_up: SetUp) -> Measured:
    """Train `plan.warmup_steps` and `plan.steps` steps; the peak is that of the latter."""
    plan, device = set_up.plan, set_up.device
    host_peak = run_peak_bytes()  # before the gauge resets it
    gauge = gauge_of(device)
    trainer = set_up.trainer()
    after_set_up = gauge.read()
    log = StepLog(set_up.events, trainer, plan.total_steps)
    clock = StepClock(device, plan.total_steps, log)
    set_up.begin(WARM_UP)
    clock.begin(warmup=True)
    batches = set_up.batches(0)
    trainer.run(batches, plan.warmup_steps, clock)
    clock.finish()
    watch = TrainingWatch(set_up, trainer, plan.warmup_steps)
    allocator = AllocatorWatch(device)
    host_peak = max(host_peak, run_peak_bytes())
    gauge.release()  # what cuDNN's search or the set-up needed once
    gauge.restart()
    set_up.begin(WINDOW)
    clock.begin(warmup=False)
    trainer.run(batches, plan.steps, clock)
    seconds = clock.finish()
    pools = graph_pool_bytes(device) if has_cuda_graphs(set_up) else 0
    peak = WindowPeak(
        peak_bytes=gauge.read().peak_bytes + pools,
        graph_pool_bytes=pools,
        peak_reserved_bytes=gauge.peak_reserved(),
        host_peak_bytes=max(host_peak, run_peak_bytes()),
        loader_peak_bytes=loader_peak_bytes(),
        allocator=allocator.events(),
    )
    report = rank_report(set_up, watch, plan.steps)
    set_up.position.stage = "data"
    loaded = next(batches)
    set_up.position.stage = PROBES
    trainer.position = Position(stage=PROBES)  # the steps of the probes are not the training's
    own = _report(set_up, trainer, loaded.batch, gauge, peak, after_set_up)
    gauge.close()
    return Measured(seconds, tuple(log.records), _with_host_peak(report, peak), own)


@dataclass(frozen=True)
class WindowPeak:
    """What was read right after the measured steps. The fields are those of `MemoryReport`."""

    peak_bytes: int
    graph_pool_bytes: int
    peak_reserved_bytes: int | None
    host_peak_bytes: int
    loader_peak_bytes: int | None
    allocator: AllocatorEvents | None


def has_cuda_graphs(set_up: SetUp) -> bool:
    """Whether the steps are replayed as CUDA graphs."""
    return set_up.case.device == "cuda" and set_up.plan.compile_mode in CUDA_GRAPH_MODES


def _with_host_peak(report: RankReport, peak: WindowPeak) -> RankReport:
    """On the CPU every artifact has the peak of the whole run, which was reset here."""
    if peak.peak_reserved_bytes is not None:
        return report
    return structs.replace(report, memory=structs.replace(report.memory, peak_memory_bytes=peak.host_peak_bytes))


def _report(
    set_up: SetUp, trainer: Trainer, batch: Batch, gauge: MemoryGauge, peak: WindowPeak, after_set_up: MemoryReading
) -> MemoryReport:
    """What further steps on one batch of the loader show. All ranks take the same number of steps, which exchange
    gradients.
    """
    on_device = trainer.on_device(batch)
    with set_up.timed("step_memory"):
        step, tensors = step_memory(set_up.task, trainer, on_device, gauge, after_set_up)
    with set_up.timed("peak_moment"):
        moments = observed_moments(set_up.task, trainer, on_device, gauge)
        moment = peak_moment(moments, tensors.gradients if set_up.case.mode == "mp" else None)
    moment_note = None if moment is not None else NOT_GLIBC
    if has_cuda_graphs(set_up):
        moment, moment_note = None, CUDA_GRAPHS
    with set_up.timed("batch_peaks"):
        peaks, batch_note = batch_peaks(trainer, batch, gauge)
    with set_up.timed("snapshot"):
        written, snapshot_note = _snapshot(set_up, trainer, batch)
    return MemoryReport(
        **vars(peak),
        peak_source=gauge.source,
        step=step,
        tensors=tensors,
        moment=moment,
        moment_note=moment_note,
        batch_peaks=peaks,
        batch_note=batch_note,
        snapshot=written,
        snapshot_note=snapshot_note,
    )


def _snapshot(set_up: SetUp, trainer: Trainer, batch: Batch) -> tuple[Snapshot | None, str | None]:
    """Of rank 0; the others only take the steps."""
    if set_up.device.type == "cpu":
        return None, ON_CPU

    def step() -> None:
        trainer.step(trainer.on_device(batch))

    if set_up.rank != 0:
        for _ in range(STEPS):
            step()
        return None, NOT_RANK_0
    return snapshot(Path(set_up.plan.run_folder, SNAPSHOT_FILE), step)
