"""The training tasks of PSENet: in the configuration of its ICDAR 2015 experiments, and small, for a CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from ocr_models.data.icdar2015 import AnnotatedImage
from ocr_models.layers import ColourJitter, UnpackBits
from ocr_models.psenet.dataset import PSENetDataset
from ocr_models.psenet.inference import TextDetector
from ocr_models.psenet.loss import PSENetLoss
from ocr_models.psenet.model import PSENet
from ocr_models.psenet.reference import PSENET, PSENET_SMALL, fix_pixels, fix_weights
from ocr_models.task import Batch, Reference, TrainingTask

SMALL_PEAK_RATE = 2e-3


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
        # In planes and in float32 at least: the loss sums over whole maps.
        maps = logits.to(torch.promote_types(logits.dtype, torch.float32)).contiguous()
        size = targets.text.shape[1:]
        full_size = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)  # (N, 7, H, W)
        losses: dict[str, Tensor] = self.loss(full_size, *targets)
        loss = losses["loss_text"].mean() + losses["loss_kernels"].mean()
        return {"loss": loss} | {name: values.detach() for name, values in losses.items()}


def training_task(
    images: Sequence[AnnotatedImage], *, image_size: int, seed: int, device: torch.device
) -> TrainingTask:
    """PSENet on ResNet-50, its recipe's optimiser, and crops of image_size x image_size pixels."""
    model = _seeded(seed, device)
    # Fused: one pass over the weights, and on a GPU nothing to wait for when a gradient scaler is in use.
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.99, weight_decay=5e-4, fused=True)

    def schedule(steps: int) -> LRScheduler:
        """A tenth of the rate after a third of the steps, and again after two: epochs 200 and 400 of 600."""
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, [steps // 3, 2 * steps // 3], gamma=0.1)

    return _task(model, optimizer, schedule, PSENET, images, image_size, seed)


def small_training_task(
    images: Sequence[AnnotatedImage], *, image_size: int, seed: int, device: torch.device
) -> TrainingTask:
    """PSENet on ResNet-18 with a quarter of the width behind it, and an optimiser that brings it to read within minutes
    on a CPU: AdamW, its rate rising for a fifth of the steps and falling for the others."""
    model = _seeded(seed, device, backbone="resnet18", neck_channels=64, hidden_channels=64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=SMALL_PEAK_RATE, weight_decay=1e-2, fused=True)

    def schedule(steps: int) -> LRScheduler:
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, SMALL_PEAK_RATE, total_steps=steps + 1, pct_start=0.2)

    return _task(model, optimizer, schedule, PSENET_SMALL, images, image_size, seed)


def _seeded(seed: int, device: torch.device, **widths: Any) -> PSENet:
    """A network whose weights are drawn on the CPU, the same on every device; seeds torch's global generator."""
    torch.manual_seed(seed)
    model = PSENet(**widths).to(device).to(memory_format=torch.channels_last)
    if device.type == "cpu":
        # The head's wide convolution takes a fifth less time on planes than on channels_last, the whole step a tenth.
        model.det_head.to(memory_format=torch.contiguous_format)
    return model


def _task(
    model: PSENet,
    optimizer: torch.optim.Optimizer,
    schedule: Callable[[int], LRScheduler],
    figures: Mapping[str, float],
    images: Sequence[AnnotatedImage],
    image_size: int,
    seed: int,
) -> TrainingTask:
    device = next(model.parameters()).device
    return TrainingTask(
        model=model,
        prepare=PrepareBatch().to(device),
        criterion=Criterion().to(device),
        optimizer=optimizer,
        dataset=PSENetDataset(images, image_size=image_size, seed=seed),
        schedule=schedule,
        detect=TextDetector(model, short_side=image_size).quadrilaterals,
        reference=Reference(fix_weights, fix_pixels, figures),
    )
