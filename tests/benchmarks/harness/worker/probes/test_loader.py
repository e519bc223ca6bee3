from __future__ import annotations

import itertools
from typing import Any

import cv2
import torch

from benchmarks.harness.worker.loader import PREFETCHED_BATCHES, LoadedBatch
from benchmarks.harness.worker.probes import loader
from benchmarks.harness.worker.probes.loader import loader_only_rate, loader_profile
from ocr_models.task import Lap


class Clock:
    """A clock that the probe reads, moved on by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_the_rate_is_that_of_batches_that_were_not_prefetched(monkeypatch: Any) -> None:
    clock, taken = Clock(), itertools.count(1)
    monkeypatch.setattr(loader, "time", clock)

    def batches() -> Any:
        while True:
            if next(taken) > 2 * PREFETCHED_BATCHES:
                clock.now += 0.25
            yield LoadedBatch((torch.zeros(8, 3),), [])

    assert loader_only_rate(batches(), workers=2) == 8 / 0.25
    assert clock.now == loader.LOADER_SECONDS


def test_every_loader_process_delivers_at_least_one_batch(monkeypatch: Any) -> None:
    clock, taken = Clock(), itertools.count()
    monkeypatch.setattr(loader, "time", clock)

    def batches() -> Any:
        for _ in taken:
            clock.now += 2 * loader.LOADER_SECONDS
            yield LoadedBatch((torch.zeros(8, 3),), [])

    assert loader_only_rate(batches(), workers=3) == 8 / (2 * loader.LOADER_SECONDS)
    assert next(taken) == 3 * PREFETCHED_BATCHES + 3


class Dataset:
    """Two stages per sample, on the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.keys = clock, list[tuple[int, int]]()

    def __len__(self) -> int:
        return 3

    def __getitem__(self, key: tuple[int, int]) -> Any:
        return self.make(key, lambda stage: None)

    def make(self, key: tuple[int, int], lap: Lap) -> Any:
        assert cv2.getNumThreads() in (0, 1)
        self.keys.append(key)
        self.clock.now += 0.5
        lap("decode")
        self.clock.now += 0.25
        lap("warp")
        return torch.zeros(3), torch.tensor(key[1])


def test_the_profile_has_the_seconds_per_sample_of_each_stage(monkeypatch: Any) -> None:
    clock = Clock()
    monkeypatch.setattr(loader, "time", clock)
    dataset, threads = Dataset(clock), cv2.getNumThreads()
    assert loader_profile(dataset, batch_size=8) == {"decode": 0.5, "warp": 0.25, "collate": 0.0}
    assert dataset.keys[:4] == [(0, 0), (1, 1), (2, 2), (0, 3)]
    assert len(dataset.keys) == loader.PROFILED_SAMPLES
    assert cv2.getNumThreads() == threads
