"""Weights and inputs by seeds, as the folders of expected numbers describe them."""

from __future__ import annotations

import torch
from torch import Tensor


def seeded(shape: list[int], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def images(shape: list[int], seed: int) -> Tensor:
    """Of a forward pass."""
    return seeded(shape, seed + 99991)


def training_images(shape: list[int], seed: int, step: int) -> Tensor:
    return seeded(shape, seed + 7000 + step)


def seeded_entry(key: str, shape: list[int], seed: int) -> Tensor:
    """An entry of a state dict. Kernels and matrices are drawn by their inputs."""
    if key.endswith("num_batches_tracked"):
        return torch.tensor(100)
    r = seeded(shape, seed)
    if key.endswith("running_var"):
        return 1 + 0.1 * r.abs()
    if key.endswith("running_mean"):
        return 0.1 * r
    if r.ndim in (2, 4):
        scale: float = ((2 if r.ndim == 4 else 1) / r[0].numel()) ** 0.5
        return r * scale
    return 1 + 0.1 * r if key.endswith("weight") else 0.1 * r
