"""Compiled steps that are replayed as CUDA graphs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.loader import LoadedBatch
from benchmarks.harness.worker.trainer import Trainer
from tests.nullcuda import device
from tiny_task import FIXED_SIZE, fixed_training_task

CUDA = torch.device("cuda", 0)
STEPS = 14
WORK = ("launches", "cudnn_plans", "matmuls", "collectives", "copies", "graph_launches")
WAITS = ("device_waits", "stream_waits", "event_waits", "mallocs")


def counted(name: str, mode: str) -> list[dict[str, dict[str, int]]]:
    """Work and waits in each of the first steps of a case, without waiting for the device in between."""
    with _trainer(parse_case(name), mode) as trainer:
        clock = StepClock(CUDA, STEPS, lambda record: None)
        clock.begin(warmup=True)
        found, batches = [], _batches()
        for _ in range(STEPS):
            device.reset()
            trainer.run(batches, 1, clock)
            parts = {"work": WORK, "waits": WAITS}
            found.append({part: {name: device.count(name) for name in names} for part, names in parts.items()})
        return found


def observed(name: str, mode: str) -> dict[str, Any]:
    """What is kept of the last step, read after it, and whether further steps are possible while it is kept."""
    with _trainer(parse_case(name), mode) as trainer:
        clock = StepClock(CUDA, 2 * STEPS, lambda record: None)
        clock.begin(warmup=True)
        trainer.run(_batches(), STEPS, clock)
        kept = [None if gradient is None else float(gradient.sum()) for gradient in trainer.seen.gradients]
        trainer.backward(next(_batches()).batch)  # as the probe of the compiled layers does
        trainer.optimizer.zero_grad(set_to_none=True)
        trainer.run(_batches(), STEPS, clock)
        return {"gradients": len(kept), "read": sum(value is not None for value in kept), "seconds": clock.finish()}


def _batches() -> Iterator[LoadedBatch]:
    images = torch.randn(2, 3, FIXED_SIZE, FIXED_SIZE).pin_memory()
    return itertools.repeat(LoadedBatch((images, torch.tensor([0, 1]).pin_memory()), [(0, 0), (1, 1)]))


@contextmanager
def _trainer(case: Case, mode: Any) -> Iterator[Trainer]:
    if case.mode == "mp":
        store = dist.HashStore()  # type: ignore[attr-defined]
        dist.init_process_group("nccl", store=store, rank=0, world_size=1, device_id=CUDA)
    try:
        task = fixed_training_task(image_size=None, seed=0, device=CUDA)
        yield Trainer(task, case, CUDA, Position(), None, mode)
    finally:
        torch._dynamo.reset()
        if case.mode == "mp":
            dist.destroy_process_group()
