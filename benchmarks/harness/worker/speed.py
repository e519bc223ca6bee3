"""The speed measurement in one rank: warm up, time the measured steps, then probe what bounds them."""

from __future__ import annotations

import itertools

from benchmarks.harness.protocol.reports import SpeedReport
from benchmarks.harness.protocol.stages import PROBES, WARM_UP, WINDOW, Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.precision import working_dtype
from benchmarks.harness.worker.probes.loader import loader_only_rate, loader_profile
from benchmarks.harness.worker.probes.matmul import matmul_tflops
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.reference_check import reference_check
from benchmarks.harness.worker.probes.step import step_only_rate
from benchmarks.harness.worker.probes.synchronisations import counted_synchronisations
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog

SETTLING_STEPS = 5  # warm-up steps between the start of the window's loader and the window


def measure_speed(set_up: SetUp) -> Measured:
    """Train `plan.warmup_steps` and `plan.steps` steps; the latter are the measured window."""
    plan, device = set_up.plan, set_up.device
    trainer = set_up.trainer()
    log = StepLog(set_up.events, trainer, plan.total_steps)
    clock = StepClock(device, plan.total_steps, log)
    set_up.begin(WARM_UP)
    clock.begin(warmup=True)
    first_steps = max(0, plan.warmup_steps - SETTLING_STEPS)
    if first_steps:
        trainer.run(set_up.batches(0), first_steps, clock)
    # A loader prefetches during the first steps, which also compile. In the window these batches would hide a loader
    # that is too slow. So a new loader is started; it has only the one batch that shows that its processes run.
    batches = set_up.batches(first_steps)
    set_up.position.stage = "data"
    batches = itertools.chain((next(batches),), batches)
    trainer.run(batches, plan.warmup_steps - first_steps, clock)
    clock.finish()
    watch = TrainingWatch(set_up, trainer, plan.warmup_steps)
    set_up.group.barrier()
    set_up.begin(WINDOW)
    clock.begin(warmup=False)
    with counted_synchronisations(device) as synchronisations:
        trainer.run(batches, plan.steps, clock)
    window_seconds = clock.finish()
    report = rank_report(set_up, watch, plan.steps)
    trainer.position = Position(stage=PROBES)  # the steps of the probes are not the training's
    own = SpeedReport(
        host_synchronisations=None if synchronisations is None else synchronisations.count,
        matmul_tflops=matmul_tflops(device, working_dtype(set_up.case)),
        step_only_samples_per_second=step_only_rate(trainer, next(batches).batch),
        loader_only_samples_per_second=loader_only_rate(batches, plan.loader_workers),
        loader_profile=loader_profile(set_up.dataset, set_up.case.batch_size_per_process)
        if plan.profile_loader
        else None,
        reference_check=reference_check(set_up.case, device),
    )
    return Measured(window_seconds, tuple(log.records), report, own)
