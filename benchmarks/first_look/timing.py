"""Times calls on a device."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from benchmarks.harness.worker.clock import wait_for

WARM_UP_CALLS = 3


def seconds_per_call(function: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Mean seconds of a call; the device works without a pause in between."""
    for _ in range(min(WARM_UP_CALLS, repeats)):
        function()
    wait_for(device)
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    wait_for(device)
    return (time.perf_counter() - start) / repeats
