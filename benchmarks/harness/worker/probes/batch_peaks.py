"""The peaks of steps with two batch sizes, from which the memory of a sample follows."""

from __future__ import annotations

import torch

from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.memory_report import BatchPeak
from benchmarks.harness.protocol.stages import PROBES
from benchmarks.harness.worker.exceptions import failure_kind
from benchmarks.harness.worker.probes.memory_gauge import MemoryGauge
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.errors import shown
from ocr_models.task import Batch

STEPS = {"cpu": 1, "cuda": 2}  # on a GPU the memory of two batches is used in turns
COMPILED = "the step is compiled for one batch size; another one would be compiled anew"


def batch_peaks(trainer: Trainer, batch: Batch, gauge: MemoryGauge) -> tuple[list[BatchPeak], str | None]:
    """Of the batch, which is on the host, and of its half, or of twice the batch if it is one sample; and why there are
    no peaks.

    Raises:
        Exception: of a step, if there are several processes, which must agree, or if it makes the device unusable.
    """
    if trainer.case.compile:
        return [], COMPILED
    other = other_size(len(batch[0]))
    try:
        found = [BatchPeak(size, peak_of(trainer, resized(batch, size), gauge)) for size in (len(batch[0]), other)]
    except Exception as error:
        if trainer.case.mode == "mp" or failure_kind(error, PROBES) == "device":
            raise
        trainer.optimizer.zero_grad(set_to_none=True)
        return [], shown(f"a step with {other} samples: {one_line(error)}")
    return found, None


def other_size(samples: int) -> int:
    """The second of the two sizes."""
    return samples // 2 if samples > 1 else 2


def resized(batch: Batch, samples: int) -> Batch:
    """The first samples of a batch, or twice its samples, in memory of their own."""
    if samples <= len(batch[0]):
        return tuple(each[:samples].clone() for each in batch)
    return tuple(torch.cat([each, each]) for each in batch)


def peak_of(trainer: Trainer, batch: Batch, gauge: MemoryGauge) -> int:
    """Bytes at the peak of steps on a batch, after others with the same shapes."""
    steps = STEPS[trainer.device.type]
    for _ in range(steps):
        trainer.step(trainer.on_device(batch))
    gauge.release()
    gauge.restart()
    for _ in range(steps):
        trainer.step(trainer.on_device(batch))
    return gauge.read().peak_bytes
