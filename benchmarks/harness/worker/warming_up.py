"""The warm-up steps, after which the loader is as busy as in a long training."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from benchmarks.harness.protocol.stages import WARM_UP
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.probes.limits import warm_up
from benchmarks.harness.worker.probes.work import WorkCounter
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import Trainer

SETTLING_STEPS = 5  # warm-up steps between the start of the window's loader and the window


def warmed_up(set_up: SetUp, trainer: Trainer, clock: StepClock) -> tuple[Iterator[LoadedBatch], WorkCounter]:
    """Train `plan.warmup_steps` steps -> the batches after them, and what one of these steps had to do."""
    plan = set_up.plan
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
    # In a light run, too, operations are counted: its measured steps must follow the same program.
    counter = warm_up(set_up, trainer, batches, plan.warmup_steps - first_steps, clock)
    clock.finish()
    return batches, counter
