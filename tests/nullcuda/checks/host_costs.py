"""What a step costs the host."""

from __future__ import annotations

import time
from typing import Any

import torch

from tests.nullcuda import device
from tests.nullcuda.checks.steps import prepared

STEPS = 5
ROUNDS = 10


def measured(case: str, data: str, image_size: int | None) -> dict[str, Any]:
    """Counts of one step, and `milliseconds`: its time in the fastest of ten rounds, if kernels take no time."""
    torch.set_num_threads(1)
    with prepared(case, data, image_size) as steps:
        device.reset()
        steps.run(1)
        counts = device.counts()
        device.compute_nothing()
        seconds = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            steps.run(STEPS)
            seconds.append((time.perf_counter() - begin) / STEPS)
    return {**counts, "milliseconds": 1000 * min(seconds)}
