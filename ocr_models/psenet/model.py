"""The PSENet network: a residual backbone, a feature pyramid neck and a head that gives seven maps.

Source: Wang et al., "Shape Robust Text Detection with Progressive Scale Expansion Network", CVPR 2019. Modules have
the names of the authors' implementation, so that its checkpoints can be loaded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.batch_norm import BatchNorm2d, batch_norms, count_batch
from ocr_models.detection.convolution import ConvBNReLU
from ocr_models.detection.residual import ResidualStages, block_and_depths, draw_by_outputs
from ocr_models.detection.resize import resize
from ocr_models.residual_stage import Block

NUM_MAPS = 7  # the text map, then six kernels, largest first


class PSENet(nn.Module):
    """Images (N, 3, H, W), normalised RGB -> logits (N, 7, H/4, W/4): the text map, then six kernels, largest first.

    Args:
        backbone: "resnet50" or "resnet18".
        neck_channels: width of each pyramid level; the head sees four times as many.
        hidden_channels: width of the head's hidden layer.

    Raises:
        ValueError: for an unknown backbone.
    """

    def __init__(self, backbone: str = "resnet50", neck_channels: int = 256, hidden_channels: int = 256) -> None:
        super().__init__()
        self.backbone = ResNet(*block_and_depths(backbone))
        self.fpn = FeaturePyramid(self.backbone.out_channels, neck_channels)
        self.det_head = Head(4 * neck_channels, hidden_channels)
        self.batch_norms = batch_norms(self)
        self.apply(draw_by_outputs)

    def forward(self, images: Tensor) -> Tensor:
        count_batch(self.batch_norms)
        logits: Tensor = self.det_head(*self.fpn(*self.backbone(images)))
        return logits


class ResNet(ResidualStages):
    """ResNet with a stem of three 3x3 convolutions: images -> features at 1/4, 1/8, 1/16 and 1/32 of their size."""

    def __init__(self, block: Block, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1, bias=False)
        self.bn3 = BatchNorm2d(128)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self._add_stages(block, depths, in_channels=128)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.relu(self.bn3(self.conv3(x)))  # (N, 128, H/2, W/2)
        return self._stages(self.maxpool(x))


class FeaturePyramid(nn.Module):
    """Four backbone features -> four levels of `channels` channels, each merged with the coarser levels."""

    def __init__(self, in_channels: tuple[int, ...], channels: int) -> None:
        super().__init__()
        c2, c3, c4, c5 = in_channels
        self.toplayer_ = ConvBNReLU(c5, channels, 1, bias=False)
        self.smooth1_ = ConvBNReLU(channels, channels, 3, bias=False)
        self.smooth2_ = ConvBNReLU(channels, channels, 3, bias=False)
        self.smooth3_ = ConvBNReLU(channels, channels, 3, bias=False)
        self.latlayer1_ = ConvBNReLU(c4, channels, 1, bias=False)
        self.latlayer2_ = ConvBNReLU(c3, channels, 1, bias=False)
        self.latlayer3_ = ConvBNReLU(c2, channels, 1, bias=False)

    def forward(self, f2: Tensor, f3: Tensor, f4: Tensor, f5: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        p5 = self.toplayer_(f5)
        f4 = self.latlayer1_(f4)
        p4 = self.smooth1_(f4 + resize(p5, f4))
        f3 = self.latlayer2_(f3)
        p3 = self.smooth2_(f3 + resize(p4, f3))
        f2 = self.latlayer3_(f2)
        p2 = self.smooth3_(f2 + resize(p3, f2))
        return p2, p3, p4, p5


class Head(nn.Module):
    """Pyramid levels, the largest first -> logits (N, 7, H/4, W/4). Smaller levels are resized, then all are convolved.

    In channels_last the convolution of the concatenated levels is computed as a sum of one convolution per level, each
    with its slice of the weight. These are the same operations, but the widest tensor of the network is never made, and
    a CPU convolves 256 channels faster than 1024. In planes a CPU does not, and results stay the published ones to the
    last bit.
    """

    def __init__(self, in_channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, hidden_channels, 3, padding=1)
        self.bn1 = BatchNorm2d(hidden_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(hidden_channels, NUM_MAPS, 1)

    def forward(self, p2: Tensor, *smaller: Tensor) -> Tensor:
        levels = (p2, *(resize(level, p2) for level in smaller))  # (N, channels, H/4, W/4) each
        in_planes = self.conv1.weight.is_contiguous()
        x = self.conv1(torch.cat(levels, dim=1)) if in_planes else self._convolve_by_level(levels)
        x = self.relu1(self.bn1(x))  # (N, hidden, H/4, W/4)
        logits: Tensor = self.conv2(x)  # (N, 7, H/4, W/4)
        return logits

    def _convolve_by_level(self, levels: tuple[Tensor, ...]) -> Tensor:
        """`conv1` of the concatenated levels: (N, channels, H/4, W/4) each -> (N, hidden, H/4, W/4)."""
        first, *others = self.conv1.weight.split(levels[0].shape[1], dim=1)  # (hidden, channels, 3, 3) each
        x = F.conv2d(levels[0], first, self.conv1.bias, padding=1)
        for level, weight in zip(levels[1:], others, strict=True):
            x = x + F.conv2d(level, weight, padding=1)
        return x
