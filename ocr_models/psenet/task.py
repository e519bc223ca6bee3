"""The training task of PSENet, in the configuration of its ICDAR 2015 experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.data.icdar2015 import AnnotatedImage
from ocr_models.layers import ColourJitter, UnpackBits
from ocr_models.psenet.dataset import PSENetDataset
from ocr_models.psenet.loss import PSENetLoss
from ocr_models.psenet.model import PSENet
from ocr_models.task import Batch, TrainingTask


class Targets(NamedTuple):
    """What the criterion compares with: text (N, H, W), kernels (N, 6, H, W), training mask (N, H, W); bool."""

    text: Tensor
    kernels: Tensor
    training_mask: Tensor


class PrepareBatch(nn.Module):
    """A batch of PSENetDataset -> normalised images (N, 3, H, W), and Targets."""

    def __init__(self) -> None:
        super().__init__()
        self.jitter = ColourJitter()
        self.unpack = UnpackBits()

    def forward(self, batch: Batch) -> tuple[Tensor, Targets]:
        images, packed, jitter = batch
        maps = self.unpack(packed)  # (N, 8, H, W)
        return self.jitter(images, jitter), Targets(maps[:, 0], maps[:, 1:7], maps[:, 7])


class Criterion(nn.Module):
    """Logits at a quarter of the targets' size -> the losses and scores of PSENetLoss, and `loss`, to be minimised."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = PSENetLoss()

    def forward(self, logits: Tensor, targets: Targets) -> dict[str, Tensor]:
        # In planes and in float32: the loss sums over whole maps.
        full_size = F.interpolate(
            logits.float().contiguous(), size=targets.text.shape[1:], mode="bilinear", align_corners=False
        )  # (N, 7, H, W)
        losses: dict[str, Tensor] = self.loss(full_size, *targets)
        loss = losses["loss_text"].mean() + losses["loss_kernels"].mean()
        return {"loss": loss} | {name: values.detach() for name, values in losses.items()}


def training_task(
    images: Sequence[AnnotatedImage], *, image_size: int, seed: int, device: torch.device
) -> TrainingTask:
    """PSENet on ResNet-50, its recipe's optimiser, and crops of image_size x image_size pixels.

    The weights are drawn on the CPU, so that they are the same on every device; torch's global generator is seeded.
    """
    torch.manual_seed(seed)
    model = PSENet("resnet50").to(device).to(memory_format=torch.channels_last)
    if device.type == "cpu":
        # The head's wide convolution takes a fifth less time on planes than on channels_last, the whole step a tenth.
        model.det_head.to(memory_format=torch.contiguous_format)
    # Fused: one pass over the weights, and on a GPU nothing to wait for when a gradient scaler is in use.
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.99, weight_decay=5e-4, fused=True)
    return TrainingTask(
        model=model,
        prepare=PrepareBatch().to(device),
        criterion=Criterion().to(device),
        optimizer=optimizer,
        dataset=PSENetDataset(images, image_size=image_size, seed=seed),
    )
