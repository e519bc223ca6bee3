"""The speed measurement in one rank: warm up, time the measured steps, then probe what bounds them, unless the run is
light.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.protocol.gpu_report import GpuReport, await_gpu_report
from benchmarks.harness.protocol.reports import CommunicationReport, GraphCheck, ProbeReport, SpeedReport
from benchmarks.harness.protocol.stages import PROBES, WINDOW, Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.precision import working_dtype
from benchmarks.harness.worker.probes.communication import communication
from benchmarks.harness.worker.probes.graph_check import graph_check
from benchmarks.harness.worker.probes.limits import rank_limits
from benchmarks.harness.worker.probes.loader import loader_only_rate, loader_profile
from benchmarks.harness.worker.probes.matmul import matmul_tflops
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.reference_check import has_reference_figures, reference_check
from benchmarks.harness.worker.probes.step import step_only_rate
from benchmarks.harness.worker.probes.synchronisations import counted_synchronisations
from benchmarks.harness.worker.probes.trace import traced_synchronisations
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.probes.work import WorkCounter
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog
from benchmarks.harness.worker.trainer import Trainer
from benchmarks.harness.worker.warming_up import warmed_up
from ocr_models.task import Batch

GPU_REPORT_SECONDS = 3.0  # it is there before the probes have ended; a light run waits for it


def measure_speed(set_up: SetUp) -> Measured:
    """Train `plan.warmup_steps` and `plan.steps` steps; the latter are the measured window."""
    plan, device = set_up.plan, set_up.device
    trainer = set_up.trainer()
    log = StepLog(set_up.events, trainer, plan.total_steps)
    clock = StepClock(device, plan.total_steps, log)
    batches, counter = warmed_up(set_up, trainer, clock)
    watch = TrainingWatch(set_up, trainer, plan.warmup_steps)
    set_up.group.barrier()
    set_up.begin(WINDOW)
    clock.begin(warmup=False)
    with counted_synchronisations(device) as synchronisations:
        trainer.run(batches, plan.steps, clock)
    window_seconds = clock.finish()
    report = rank_report(set_up, watch, plan.steps)  # at once: where the probes begin, the window of the GPU ends
    trainer.position = Position(stage=PROBES)  # the steps of the probes are not the training's
    count = None if synchronisations is None else synchronisations.count
    probes = None if plan.light else probe(set_up, trainer, batches, counter)
    own = SpeedReport(cpu_seconds=clock.cpu_seconds, host_synchronisations=count, probes=probes)
    return Measured(window_seconds, tuple(log.records), report, own, _gpu(set_up))


def _gpu(set_up: SetUp) -> GpuReport | None:
    """What the pytest process has sampled of this rank's GPU; None on the CPU."""
    if set_up.device.type == "cpu":
        return None
    with set_up.timed("gpu_report"):
        return await_gpu_report(Path(set_up.plan.run_folder), set_up.rank, GPU_REPORT_SECONDS)


def probe(set_up: SetUp, trainer: Trainer, batches: Iterator[LoadedBatch], counter: WorkCounter) -> ProbeReport:
    """What bounds the steps, and whether they are right: untimed, each probe with its seconds in the artifact."""
    case, device = set_up.case, set_up.device
    with set_up.timed("matmul"):
        tflops = matmul_tflops(device, working_dtype(case))
    batch = tuple(tensor.to(device) for tensor in next(batches).batch)
    with set_up.timed("limits"):
        limits = rank_limits(set_up, trainer, batch, counter, tflops)
    with set_up.timed("step_only"):
        step_only = step_only_rate(trainer, batch)
    exchange = _communication(set_up, trainer, batch, step_only)
    with set_up.timed("loader_only"):
        loader_only = loader_only_rate(batches, set_up.plan.loader_workers)
    profile = _loader_profile(set_up)
    graph = _graph_check(set_up, trainer, batch)  # replaces weights, which only the traced steps do not mind
    with set_up.timed("reference_check"):
        check = reference_check(case, device, compiled=case.compile and graph is None)
    traced = _traced_synchronisations(set_up, trainer, batches)  # last: what it observes stays observed
    return ProbeReport(
        traced_synchronisations=traced,
        matmul_tflops=tflops,
        limits=limits,
        step_only_samples_per_second=step_only,
        communication=exchange,
        loader_only_samples_per_second=loader_only,
        loader_profile=profile,
        reference_check=check,
        graph_check=graph,
    )


def _communication(set_up: SetUp, trainer: Trainer, batch: Batch, step_only: float) -> CommunicationReport | None:
    """None if there is one process. `step_only` is in samples per second."""
    if set_up.case.mode == "sp":
        return None
    with set_up.timed("communication"):
        return communication(trainer, batch, set_up.group, len(batch[0]) / step_only)


def _loader_profile(set_up: SetUp) -> dict[str, float] | None:
    if not set_up.plan.profile_loader:
        return None
    with set_up.timed("loader_profile"):
        return loader_profile(set_up.dataset, set_up.case.batch_size_per_process)


def _graph_check(set_up: SetUp, trainer: Trainer, batch: Batch) -> GraphCheck | None:
    """None if the case is not compiled, or the model has no reference figures."""
    if not (set_up.case.compile and has_reference_figures(set_up.task)):
        return None
    with set_up.timed("graph_check"):
        return graph_check(set_up, trainer, batch)


def _traced_synchronisations(set_up: SetUp, trainer: Trainer, batches: Iterator[LoadedBatch]) -> int | None:
    """None on the CPU."""
    if set_up.device.type == "cpu":
        return None
    with set_up.timed("traced_steps"):
        return traced_synchronisations(trainer, batches)
