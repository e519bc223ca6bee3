"""What the loader and the training step each reach alone, off the clock: which of the two bounds a case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import cv2
from torch.utils.data import default_collate

from benchmarks.harness.clock import wait_for
from benchmarks.harness.trainer import PREFETCHED_BATCHES, Trainer
from ocr_models.task import Batch, TrainingDataset

LOADER_SECONDS = 1.0
COMPUTE_STEPS = {"cpu": 2, "cuda": 20}
PROFILED_SAMPLES = 32


def loader_ceiling(batches: Iterator[Batch], workers: int) -> float:
    """Samples a second of this rank's loader when nobody else takes its cores."""
    for _ in range(workers * PREFETCHED_BATCHES):
        next(batches)  # lay ready
    start, samples, count = time.perf_counter(), 0, 0
    while count < max(1, workers) or time.perf_counter() - start < LOADER_SECONDS:
        samples += len(next(batches)[0])
        count += 1
    return samples / (time.perf_counter() - start)


def compute_ceiling(trainer: Trainer, batch: Batch) -> float:
    """Samples a second of this rank's steps, which have warmed up, on a batch that lies on the device already."""
    device = trainer.device
    batch = tuple(tensor.to(device) for tensor in batch)
    steps = COMPUTE_STEPS[device.type]
    wait_for(device)
    start = time.perf_counter()
    for _ in range(steps):
        trainer.step(batch)
    wait_for(device)
    return steps * len(batch[0]) / (time.perf_counter() - start)


def loader_profile(dataset: TrainingDataset, batch_size: int) -> dict[str, float]:
    """Seconds a sample takes in each stage of its making, in one thread, and in being collated."""
    laps: dict[str, float] = {}
    samples: list[Any] = []
    last = 0.0

    def lap(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        laps[stage] = laps.get(stage, 0.0) + now - last
        last = now

    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    for position in range(PROFILED_SAMPLES):
        last = time.perf_counter()
        samples.append(dataset.make((position % len(dataset), position), lap))
        if len(samples) == batch_size:
            last = time.perf_counter()
            default_collate(samples)
            lap("collate")
            samples.clear()
    cv2.setNumThreads(threads)
    return {stage: seconds / PROFILED_SAMPLES for stage, seconds in laps.items()}
