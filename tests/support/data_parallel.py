"""One of two gloo ranks: `python data_parallel.py FOLDER RANK` compares its gradients with those of one process.

It trains on its own sample as the harness does, then alone on both, and leaves FOLDER/RANK.json: how far the gradients
of each step are apart, relative to their norm.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from benchmarks.cases import parse_case
from benchmarks.harness.liveness import Position
from benchmarks.harness.trainer import Trainer
from fixed_batch import SIZE, fixed_batch
from ocr_models.psenet.task import training_task
from ocr_models.task import Batch, TrainingTask

RANKS, STEPS = 2, 2


class InFloat64(nn.Module):
    """Images as float64, for a model whose rounding then is far below what is compared."""

    def __init__(self, prepare: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare

    def forward(self, batch: Batch) -> tuple[Tensor, object]:
        images, targets = self.prepare(batch)
        return images.double(), targets


def exact_task(seed: int) -> TrainingTask:
    """PSENet in float64, its batch norm without batch statistics: these are each rank's own."""
    task = training_task([], image_size=SIZE, seed=seed, device=torch.device("cpu"))
    task.model.double().eval()
    return replace(task, prepare=InFloat64(task.prepare))


def gradients(case: str, task: TrainingTask, batch: Batch, steps: int = STEPS) -> list[Tensor]:
    """All gradients of each step in one row, as the optimiser gets them from the harness's own step."""
    seen: list[Tensor] = []
    parameters = [parameter for group in task.optimizer.param_groups for parameter in group["params"]]

    def look(*_: object) -> None:
        seen.append(torch.cat([parameter.grad.flatten() for parameter in parameters]))

    task.optimizer.register_step_pre_hook(look)
    trainer = Trainer(task, parse_case(case), torch.device("cpu"), Position())
    for _ in range(steps):
        trainer.step(batch)
    return seen


def apart(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def main(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=RANKS)
    both = fixed_batch(RANKS)
    own = tuple(tensor[rank : rank + 1] for tensor in both)
    # Ranks that drew other weights get those of rank 0, so the seed may differ.
    found = gradients("psenet_mp_bs2_fp32_cpu2", exact_task(seed=rank), own)
    expected = gradients("psenet_sp_bs2_fp32_cpu1", exact_task(seed=0), both)
    (alone,) = gradients("psenet_sp_bs1_fp32_cpu1", exact_task(seed=0), own, steps=1)
    result = {
        "together": [apart(a, b) for a, b in zip(found, expected, strict=True)],
        "alone": apart(alone, expected[0]),
        "between_steps": apart(expected[1], expected[0]),
    }
    (folder / f"{rank}.json").write_text(json.dumps(result), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
