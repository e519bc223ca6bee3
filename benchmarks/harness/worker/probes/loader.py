"""The loader without the training: its rate, and where its time is spent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import cv2
from torch.utils.data import default_collate

from benchmarks.harness.worker.loader import PREFETCHED_BATCHES, LoadedBatch
from ocr_models.task import TrainingDataset

LOADER_SECONDS = 1.0
PROFILED_SAMPLES = 32


def loader_only_rate(batches: Iterator[LoadedBatch], workers: int) -> float:
    """Samples per second of this rank's loader while nothing else uses its cores."""
    for _ in range(workers * PREFETCHED_BATCHES):
        next(batches)  # prefetched before the clock starts
    start, samples, count = time.perf_counter(), 0, 0
    while count < max(1, workers) or time.perf_counter() - start < LOADER_SECONDS:
        samples += len(next(batches).batch[0])
        count += 1
    return samples / (time.perf_counter() - start)


def loader_profile(dataset: TrainingDataset, batch_size: int) -> dict[str, float]:
    """Stage -> seconds per sample, in one thread: the stages of making a sample, and `collate`."""
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
