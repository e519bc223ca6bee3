"""What a batch of CRNNDataset becomes on the device."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ocr_models.recognition.layers import Normalise
from ocr_models.task import Batch


class Targets(NamedTuple):
    """Labels, in the order of `ctc_loss`: classes (N, 25) and lengths (N,), int64."""

    labels: Tensor
    lengths: Tensor


class PrepareBatch(nn.Module):
    """A batch of CRNNDataset -> images (N, 1, 32, 100) float32 from -1 to 1, and Targets."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise()

    def forward(self, batch: Batch) -> tuple[Tensor, Targets]:
        images, classes, lengths = batch  # (N, 1, 32, 100), (N, 25), (N,)
        return self.normalise(images), Targets(classes.long(), lengths.long())
