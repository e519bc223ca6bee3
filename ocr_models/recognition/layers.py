"""Layers without parameters that prepare a batch of word images on the device."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Pixels of any shape, in 0..255 -> float32 from -1 to 1: (x / 255 - 0.5) / 0.5, but for rounding."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(2 / 255), persistent=False)
        self.register_buffer("shift", torch.tensor(-1.0), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.addcmul(self.shift, pixels, self.scale)
