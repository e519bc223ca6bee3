"""The limits of a rank's steps: how fast its device computes and copies, and what a step has to compute and copy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext

from benchmarks.harness.protocol.limits import RankLimits
from benchmarks.harness.worker.clock import StepClock, wait_for
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.precision import working_dtype
from benchmarks.harness.worker.probes.copy_rate import copy_terabytes_per_second
from benchmarks.harness.worker.probes.matmul import held_matmul_tflops
from benchmarks.harness.worker.probes.work import WorkCounter, count_eager_step
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

HOST_STEPS = 3  # the fastest counts


def warm_up(
    set_up: SetUp, trainer: Trainer, batches: Iterator[LoadedBatch], steps: int, clock: StepClock
) -> WorkCounter:
    """Train the last warm-up steps -> what the first of them had to do, if this is rank 0 and the step is not compiled.

    The operations cannot be seen in compiled code, and a step after the window would cost its time.
    """
    counter = WorkCounter(trainer)
    if steps:
        with counter if set_up.rank == 0 and not set_up.case.compile else nullcontext():
            trainer.run(batches, 1, clock)
    if steps > 1:
        trainer.run(batches, steps - 1, clock)
    return counter


def rank_limits(
    set_up: SetUp, trainer: Trainer, batch: Batch, counter: WorkCounter, matmul_tflops: float
) -> RankLimits:
    """To be called after the measured steps: it may change the weights. `batch` is on the device,
    `counter` that of the warm-up.
    """
    device = set_up.device
    copied = copy_terabytes_per_second(device)
    if set_up.rank == 0 and not counter.operations:
        count_eager_step(set_up.task, trainer, batch, counter)
    return RankLimits(
        copy_terabytes_per_second=copied,
        matmul_held_tflops=held_matmul_tflops(device, working_dtype(set_up.case), matmul_tflops),
        host_step_seconds=host_step_seconds(trainer, batch),
        step_work=counter.work(matmul_tflops, copied),
    )


def host_step_seconds(trainer: Trainer, batch: Batch) -> float | None:
    """Time in which the host issues a step on a batch on its idle GPU; None on the CPU."""
    if trainer.device.type == "cpu":
        return None
    seconds = []
    for _ in range(HOST_STEPS):
        wait_for(trainer.device)
        start = time.perf_counter()
        trainer.step(batch)
        seconds.append(time.perf_counter() - start)
    wait_for(trainer.device)
    return min(seconds)
