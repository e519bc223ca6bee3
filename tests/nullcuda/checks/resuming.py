"""What a resumed training has on the device."""

from __future__ import annotations

import copy

import torch

from benchmarks.harness.worker.resuming import load_optimizer

CUDA = torch.device("cuda", 0)


def rate_device() -> str:
    """Where a learning rate that is a tensor on the GPU lies after an optimizer was loaded from a file."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(4, device=CUDA))], fused=True)
    optimizer.param_groups[0]["lr"] = torch.tensor(0.1, device=CUDA)
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0]["lr"] = torch.tensor(0.1)
    load_optimizer(optimizer, state)
    return str(optimizer.param_groups[0]["lr"].device)
