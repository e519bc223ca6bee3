"""What a batch of CRNNDataset becomes on the device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ocr_models.task import Batch


class Targets(NamedTuple):
    """Labels, in the order of `ctc_loss`: classes (N, 25) and lengths (N,), int64."""

    labels: Tensor
    lengths: Tensor


class PrepareBatch(nn.Module):
    """A batch of CRNNDataset -> images (N, 1, 32, 100) float32 from -1 to 1, and Targets."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(2 / 255), persistent=False)
        self.register_buffer("shift", torch.tensor(-1.0), persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, Targets]:
        images, classes, lengths = batch  # (N, 1, 32, 100), (N, 25), (N,)
        return torch.addcmul(self.shift, images, self.scale), Targets(classes.long(), lengths.long())
