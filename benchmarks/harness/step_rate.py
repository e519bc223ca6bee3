"""A case's step in turns with a large matrix product: `python -m benchmarks.harness.step_rate CASE DATA PIXELS ROUNDS`.

In a process of its own, since it must run in the environment of a rank. Prints one JSON object: the seconds of both in
each round, and the floating-point operations of each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from benchmarks.harness.comparison import timed_in_turns
from benchmarks.harness.reports import MATMUL_SIZE, flops_per_sample
from benchmarks.harness.settings import available_cores
from benchmarks.harness.trainer import resident_trainer


def main(case: str, data: str, pixels: str, rounds: str) -> None:
    torch.set_num_threads(available_cores())
    trainer, batch = resident_trainer(case, Path(data), int(pixels))
    size = MATMUL_SIZE[trainer.device.type]
    a, b = torch.randn(2, size, size, device=trainer.device)
    product = torch.empty_like(a)
    step, matmul = timed_in_turns(
        lambda: trainer.step(batch)["loss"].item(),
        lambda: torch.matmul(a, b, out=product)[0, 0].item(),
        rounds=int(rounds),
    )
    flops = {"step": len(batch[0]) * flops_per_sample(trainer.model, int(pixels)), "matmul": 2 * size**3}
    print(json.dumps({"step_seconds": step, "matmul_seconds": matmul, "flops": flops}))


if __name__ == "__main__":
    main(*sys.argv[1:])
