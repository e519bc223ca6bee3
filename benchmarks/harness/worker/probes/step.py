"""The training step without the loader."""

from __future__ import annotations

import time

from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

STEPS = {"cpu": 2, "cuda": 20}
LONG_STEP_SECONDS = 1.0  # one such step is enough: steps of seconds differ by one or two per cent


def step_only_rate(trainer: Trainer, batch: Batch) -> float:
    """Samples per second of this rank's steps, warmed up, on a batch that is already on the device."""
    device = trainer.device
    steps = STEPS[device.type]
    alone_on_cpu = device.type == "cpu" and trainer.case.mode == "sp"  # ranks must agree on the number of steps
    wait_for(device)
    start = time.perf_counter()
    done = 0
    while done < steps:
        trainer.step(batch)
        done += 1
        if alone_on_cpu and time.perf_counter() - start > LONG_STEP_SECONDS:
            break
    wait_for(device)
    return done * len(batch[0]) / (time.perf_counter() - start)
