"""DB's loss on the device."""

from __future__ import annotations

import torch

from ocr_models.db import DBLoss
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait

SHAPE = (2, 64, 64)


def counted(dtype: str) -> dict[str, int]:
    """What forward and backward do: the device's counters. torch raises an error if the host waits."""
    n, *size = SHAPE
    maps = torch.rand(n, 3, *size, device="cuda", dtype=getattr(torch, dtype), requires_grad=True)
    text, mask, trained = torch.rand(3, *SHAPE, device="cuda") < 0.5
    threshold_map = torch.rand(SHAPE, device="cuda")
    criterion = DBLoss()
    for _ in range(2):  # the first pass allocates memory
        device.reset()
        with no_host_wait():
            criterion(maps, text, mask, threshold_map, trained)["loss"].backward()
        maps.grad = None
    return device.counts()
