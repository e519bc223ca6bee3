"""What a batch of DBDataset becomes on the device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ocr_models.db.border import LEVELS
from ocr_models.db.targets import HIGH_THRESHOLD, LOW_THRESHOLD
from ocr_models.detection.layers import Normalise, UnpackBits
from ocr_models.task import Batch


class Targets(NamedTuple):
    """Label maps (N, H, W), in the order of DBLoss: bool, and threshold_map float32 from 0.3 to 0.7."""

    shrink_map: Tensor
    shrink_mask: Tensor
    threshold_map: Tensor
    threshold_mask: Tensor


class PrepareBatch(nn.Module):
    """A batch of DBDataset -> normalised images (N, 3, H, W), in the memory format of the network, and Targets."""

    lowest: Tensor
    level: Tensor

    def __init__(self, memory_format: torch.memory_format = torch.channels_last) -> None:
        super().__init__()
        self.memory_format = memory_format
        self.normalise = Normalise()
        self.unpack = UnpackBits(3)
        self.register_buffer("lowest", torch.tensor(LOW_THRESHOLD), persistent=False)
        self.register_buffer("level", torch.tensor((HIGH_THRESHOLD - LOW_THRESHOLD) / LEVELS), persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, Targets]:
        images, packed, threshold = batch  # (N, H, W, 3), (N, H, W), (N, H, W)
        shrink_map, shrink_mask, threshold_mask = self.unpack(packed).unbind(1)  # (N, H, W) each
        threshold_map = torch.addcmul(self.lowest, threshold, self.level)  # (N, H, W)
        images = self.normalise(images).contiguous(memory_format=self.memory_format)  # (N, 3, H, W)
        return images, Targets(shrink_map, shrink_mask, threshold_map, threshold_mask)
