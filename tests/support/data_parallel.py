"""One of two gloo ranks: `python data_parallel.py FOLDER RANK` compares its gradients with those of one process.

It trains on its own sample as the harness does, then on both samples in a plain loop. FOLDER/RANK.json then has the
distance between the gradients of each step, relative to their norm.
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
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.probes.reference_check import InFloat64
from benchmarks.harness.worker.trainer import Trainer
from fixed_batch import SIZE, fixed_batch
from ocr_models.psenet.task import training_task
from ocr_models.task import Batch, TrainingStep, TrainingTask

RANKS, STEPS = 2, 2


def exact_task(seed: int) -> TrainingTask:
    """PSENet in float64, its batch norm without batch statistics: each rank has its own."""
    task = training_task(image_size=SIZE, seed=seed, device=torch.device("cpu"))
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


def as_vector(task: TrainingTask) -> Tensor:
    return torch.cat([p.grad.flatten() for p in task.model.parameters() if p.grad is not None])


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def main(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=RANKS)
    both = fixed_batch(RANKS)
    own = tuple(tensor[rank : rank + 1] for tensor in both)
    # DistributedDataParallel copies the weights of rank 0 to the other ranks, so the seeds may differ.
    found = harness_gradients("psenet_mp_bs2_fp32_cpu2", exact_task(seed=rank), own)
    expected = plain_gradients(exact_task(seed=0), both)
    alone = plain_gradients(exact_task(seed=0), own)
    result = {
        "together": [distance(a, b) for a, b in zip(found, expected, strict=True)],
        "alone": distance(alone[0], expected[0]),
        "between_steps": distance(expected[1], expected[0]),
    }
    (folder / f"{rank}.json").write_text(json.dumps(result), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
