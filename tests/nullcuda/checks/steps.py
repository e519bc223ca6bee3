"""Training steps of a case on the device."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.components.resident import resident_trainer
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.trainer import Trainer
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait

MAX_STEPS = 64
WARMUP_STEPS = 3


@dataclass(frozen=True)
class Steps:
    """A trainer that has done its first steps, with a pinned batch."""

    trainer: Trainer
    clock: StepClock
    batch: LoadedBatch
    records: list[StepRecord]

    def run(self, steps: int) -> None:
        self.trainer.run(itertools.repeat(self.batch), steps, self.clock)


@contextmanager
def prepared(case: str, data: str, image_size: int | None) -> Iterator[Steps]:
    """A case whose measured steps come next."""
    try:
        trainer, batch = resident_trainer(case, Path(data), image_size)
        records: list[StepRecord] = []
        pinned = tuple(tensor.cpu().pin_memory() for tensor in batch)  # as the loader delivers it
        keys = [(index, index) for index in range(len(pinned[0]))]
        clock = StepClock(trainer.device, MAX_STEPS, records.append)
        steps = Steps(trainer, clock, LoadedBatch(pinned, keys), records)
        clock.begin(warmup=True)
        steps.run(1)  # in two runs, as a case: a run frees the gradients that the last one kept, and memory settles
        steps.run(WARMUP_STEPS - 1)
        clock.finish()
        clock.begin(warmup=False)
        yield steps
    finally:
        torch._dynamo.reset()  # compiled steps, and what they hold
        device.reset()  # before pinned tensors are freed: on a broken device torch aborts as it frees them


def counted(case: str, data: str, image_size: int | None) -> dict[str, Any]:
    """What one measured step does: the device's counters. torch raises an error if the host waits."""
    measured = 2
    with prepared(case, data, image_size) as steps:
        device.reset()
        with no_host_wait():
            steps.run(measured)
        found = device.counts()
        steps.clock.finish()
        assert all(record.device_seconds for record in steps.records)
    return {name: value / measured for name, value in found.items()}


def kernels(case: str, data: str, image_size: int | None) -> dict[str, int]:
    """Launches of each kernel in one measured step."""
    with prepared(case, data, image_size) as steps:
        device.reset()
        steps.run(1)
        return dict(device.kernels())
