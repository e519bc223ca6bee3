"""One of two gloo ranks: `python data_parallel.py FOLDER RANK` compares its gradients with those of one process.

It trains on its own sample as the harness does, then on both in a plain loop, and leaves FOLDER/RANK.json: how far the
gradients of each step are apart, relative to their norm.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from benchmarks.cases import parse_case
from benchmarks.harness.fingerprint import InFloat64
from benchmarks.harness.liveness import Position
from benchmarks.harness.trainer import Trainer
from fixed_batch import SIZE, fixed_batch
from ocr_models.psenet.task import training_task
from ocr_models.task import Batch, TrainingStep, TrainingTask

RANKS, STEPS = 2, 2


def exact_task(seed: int) -> TrainingTask:
    """PSENet in float64, its batch norm without batch statistics: these are each rank's own."""
    task = training_task([], image_size=SIZE, seed=seed, device=torch.device("cpu"))
    task.model.double().eval()
    return replace(task, prepare=InFloat64(task.prepare))


def harness_gradients(case: str, task: TrainingTask, batch: Batch) -> list[Tensor]:
    """All gradients of each of the harness's steps in one row, as the optimiser gets them."""
    seen: list[Tensor] = []
    task.optimizer.register_step_pre_hook(lambda *_: seen.append(in_a_row(task)))
    trainer = Trainer(task, parse_case(case), torch.device("cpu"), Position())
    for _ in range(STEPS):
        trainer.step(batch)
    return seen


def plain_gradients(task: TrainingTask, batch: Batch) -> list[Tensor]:
    """The same of training without the harness, in one process."""
    seen = []
    step = TrainingStep(task)
    for _ in range(STEPS):
        task.model.zero_grad()
        step(batch)["loss"].backward()
        seen.append(in_a_row(task))
        task.optimizer.step()
    return seen


def in_a_row(task: TrainingTask) -> Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in task.model.parameters()])


def apart(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def main(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=RANKS)
    both = fixed_batch(RANKS)
    own = tuple(tensor[rank : rank + 1] for tensor in both)
    # Ranks that drew other weights get those of rank 0, so the seed may differ.
    found = harness_gradients("psenet_mp_bs2_fp32_cpu2", exact_task(seed=rank), own)
    expected = plain_gradients(exact_task(seed=0), both)
    alone = plain_gradients(exact_task(seed=0), own)
    result = {
        "together": [apart(a, b) for a, b in zip(found, expected, strict=True)],
        "alone": apart(alone[0], expected[0]),
        "between_steps": apart(expected[1], expected[0]),
    }
    (folder / f"{rank}.json").write_text(json.dumps(result), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
