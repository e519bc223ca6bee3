"""The training step without the loader."""

from __future__ import annotations

import time

from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.task import Batch

STEPS = {"cpu": 2, "cuda": 20}


def step_only_rate(trainer: Trainer, batch: Batch) -> float:
    """Samples per second of this rank's steps, warmed up, on a batch that is already on the device."""
    device = trainer.device
    batch = tuple(tensor.to(device) for tensor in batch)
    steps = STEPS[device.type]
    wait_for(device)
    start = time.perf_counter()
    for _ in range(steps):
        trainer.step(batch)
    wait_for(device)
    return steps * len(batch[0]) / (time.perf_counter() - start)
