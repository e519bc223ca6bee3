"""One of two gloo ranks: `python data_parallel.py FOLDER RANK` compares its gradients with those of one process.

It trains on its own sample as the harness does, then on both samples in a plain loop. FOLDER/RANK.json then has the
distance between the gradients of each step, relative to their norm.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import msgspec
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import FileStore, PrefixStore, Store  # type: ignore[attr-defined]
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from benchmarks.cases import parse_case
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.group import Group
from benchmarks.harness.worker.probes import communication
from benchmarks.harness.worker.probes.graph_check import graph_check
from benchmarks.harness.worker.probes.reference_check import InFloat64
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import Trainer
from fixed_batch import SIZE, fixed_batch
from ocr_models.psenet.task import r18_training_task
from ocr_models.task import Batch, TrainingStep, TrainingTask
from tiny_task import FIXED_SIZE, fixed_training_task

RANKS, STEPS = 2, 2
EXCHANGE_SECONDS = 0.25


def exact_task(seed: int) -> TrainingTask:
    """PSENet with ResNet-18 in float64, its batch norm without batch statistics: each rank has its own."""
    task = r18_training_task(image_size=SIZE, seed=seed, device=torch.device("cpu"))
    task.model.double().eval()
    return replace(task, prepare=InFloat64(task.prepare))


def harness_gradients(case: str, task: TrainingTask, batch: Batch) -> list[Tensor]:
    """All gradients of each step of the harness as one vector, as the optimiser gets them."""
    seen: list[Tensor] = []
    task.optimizer.register_step_pre_hook(lambda *_: seen.append(as_vector(task)))
    trainer = Trainer(task, parse_case(case), torch.device("cpu"), Position())
    for _ in range(STEPS):
        trainer.step(batch)
    return seen


def plain_gradients(task: TrainingTask, batch: Batch) -> list[Tensor]:
    """The same for training without the harness, in one process."""
    seen = []
    step = TrainingStep(task)
    for _ in range(STEPS):
        task.model.zero_grad()
        step(batch)["loss"].backward()
        seen.append(as_vector(task))
        task.optimizer.step()
    return seen


class Meeting(Group):
    """The harness's group, of ranks that have met already."""

    def __init__(self, rank: int, store: Store) -> None:
        self._rank, self._size, self._maxima, self._store = rank, RANKS, 0, store


class ExchangeClock:
    """Instead of the module `time`: only the exchange of gradients takes time."""

    def __init__(self) -> None:
        self._now = 0.0

    def perf_counter(self) -> float:
        return self._now

    def exchange(self, bucket: Any) -> Any:
        """As a network that needs this long for the gradients, of which the tiny model has one bucket."""
        self._now += EXCHANGE_SECONDS
        return allreduce_hook(dist.group.WORLD, bucket)  # type: ignore[arg-type]


def measured_communication(group: Group) -> dict[str, float]:
    """Of a model that trains in no time, over a slow network."""
    task = fixed_training_task(image_size=None, seed=0, device=torch.device("cpu"))
    trainer = Trainer(task, parse_case("tinyfixed_mp_bs4_fp32_cpu2"), torch.device("cpu"), Position())
    assert trainer._parallel is not None
    clock = ExchangeClock()
    trainer._parallel.register_comm_hook(None, lambda _, bucket: clock.exchange(bucket))
    batch = torch.randn(2, 3, FIXED_SIZE, FIXED_SIZE), torch.tensor([0, 1])
    trainer.step(batch)
    with mock.patch.object(communication, "time", clock):
        report = communication.communication(trainer, batch, group, step_seconds=0.5)
    return msgspec.to_builtins(report)  # type: ignore[no-any-return]


def as_vector(task: TrainingTask) -> Tensor:
    return torch.cat([p.grad.flatten() for p in task.model.parameters() if p.grad is not None])


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def graph_difference(rank: int, batch: Batch, group: Group) -> dict[str, float | None]:
    """What the check of a compiled step finds if its step is the harness's, on several ranks, without compilation."""
    task = exact_task(seed=rank)
    trainer = Trainer(task, parse_case("psenetr18_mp_bs2_fp32_cpu2"), torch.device("cpu"), Position())
    set_up = SimpleNamespace(task=task, plan=SimpleNamespace(local_processes=RANKS), group=group)
    check = graph_check(cast(SetUp, set_up), trainer, batch)
    assert check is not None
    return {**check.deviation, "gradient": check.gradient_difference}


def main(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    store = FileStore(str(folder / "store"), RANKS)
    dist.init_process_group("gloo", store=PrefixStore("ranks", store), rank=rank, world_size=RANKS)
    group = Meeting(rank, store)
    both = fixed_batch(RANKS)
    own = tuple(tensor[rank : rank + 1] for tensor in both)
    # DistributedDataParallel copies the weights of rank 0 to the other ranks, so the seeds may differ.
    found = harness_gradients("psenetr18_mp_bs2_fp32_cpu2", exact_task(seed=rank), own)
    expected = plain_gradients(exact_task(seed=0), both)
    alone = plain_gradients(exact_task(seed=0), own)
    result = {
        "together": [distance(a, b) for a, b in zip(found, expected, strict=True)],
        "alone": distance(alone[0], expected[0]),
        "between_steps": distance(expected[1], expected[0]),
        "graph_check": graph_difference(rank, own, group),
    }
    result["communication"] = measured_communication(group)
    (folder / f"{rank}.json").write_text(json.dumps(result), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
