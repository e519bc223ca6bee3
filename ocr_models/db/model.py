"""The DB network: a residual backbone, a feature pyramid neck and two heads, of the probability and of the threshold.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020, in the form of
PaddleBenchmark/DBNet.pytorch. Modules have the names of that implementation, so that its weights can be loaded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.batch_norm import BatchNorm2d, batch_norms, count_batch
from ocr_models.db.head import Heads
from ocr_models.db.neck import FeaturePyramid
from ocr_models.detection.residual import ResidualStages, block_and_depths, draw_by_outputs
from ocr_models.residual_stage import Block

SHARPNESS = 50.0
"""k of B = 1 / (1 + exp(-k (P - T))): how steeply the approximate binary map rises where P crosses T."""


class DBNet(nn.Module):
    """Images (N, 3, H, W), normalised RGB -> maps (N, 3, H, W) in training, (N, 2, H, W) in evaluation.

    The maps are probability P, threshold T and, in training, the approximate binary map B, each from 0 to 1. They are
    float32 also under autocast, and float64 if the weights are.

    Args:
        backbone: "resnet50" or "resnet18".

    Raises:
        ValueError: for an unknown backbone.
    """

    def __init__(self, backbone: str = "resnet50") -> None:
        super().__init__()
        self.backbone = ResNet(*block_and_depths(backbone))
        self.neck = FeaturePyramid(self.backbone.out_channels)
        self.head = Heads(self.neck.out_channels)
        self.batch_norms = batch_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        count_batch(self.batch_norms)
        probability, threshold = (_probability(each) for each in self.head(self.neck(*self.backbone(images))))
        maps = [probability, threshold]  # (N, H', W') each, where H' and W' are H and W rounded up to multiples of 4
        if self.training:
            maps.append(torch.sigmoid(SHARPNESS * (probability - threshold)))
        return _resized(torch.stack(maps, dim=1), images)

    def probability(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) -> P alone, (N, 1, H, W). The threshold is not computed."""
        logits = self.head.binarize(self.neck(*self.backbone(images)))  # (N, H', W')
        return _resized(_probability(logits)[:, None], images)


def _probability(logits: Tensor) -> Tensor:
    """The sigmoid, in float32 at least."""
    return torch.sigmoid(logits.to(torch.promote_types(logits.dtype, torch.float32)))


def _resized(maps: Tensor, images: Tensor) -> Tensor:
    """Maps (N, C, H', W') -> (N, C, H, W) of the images, bilinearly. Corners stay corners."""
    if maps.shape[2:] == images.shape[2:]:
        return maps
    return F.interpolate(maps, size=images.shape[2:], mode="bilinear", align_corners=True)


class ResNet(ResidualStages):
    """ResNet with a stem of one 7x7 convolution: images -> features at 1/4, 1/8, 1/16 and 1/32 of their size."""

    def __init__(self, block: Block, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self._add_stages(block, depths, in_channels=64)
        self.apply(draw_by_outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        return self._stages(self.maxpool(x))
