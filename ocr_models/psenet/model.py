"""The PSENet network: a residual backbone, a feature pyramid neck and a head that gives seven maps.

Source: Wang et al., "Shape Robust Text Detection with Progressive Scale Expansion Network", CVPR 2019. Modules have
the names of the authors' implementation, so that its checkpoints can be loaded.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ocr_models.batch_norm import BatchNorm2d, batch_norms, count_batch
from ocr_models.detection.resize import resize

NUM_MAPS = 7  # the text map, then six kernels, largest first

BACKBONES: dict[str, tuple[type[BasicBlock | Bottleneck], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}


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
        if backbone not in BACKBONES:
            raise ValueError(f"backbone {backbone!r} is not known: choose one of {', '.join(sorted(BACKBONES))}")
        block, depths = BACKBONES[backbone]
        self.backbone = ResNet(block, depths)
        self.fpn = FeaturePyramid(self.backbone.out_channels, neck_channels)
        self.det_head = Head(4 * neck_channels, hidden_channels)
        self.batch_norms = batch_norms(self)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        count_batch(self.batch_norms)
        logits: Tensor = self.det_head(*self.fpn(*self.backbone(images)))
        return logits


class ResNet(nn.Module):
    """ResNet with a stem of three 3x3 convolutions: images -> features at 1/4, 1/8, 1/16 and 1/32 of their size.

    Attributes:
        out_channels: channels of the four features.
    """

    def __init__(self, block: type[BasicBlock | Bottleneck], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1, bias=False)
        self.bn3 = BatchNorm2d(128)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        widths = (64, 128, 256, 512)
        self.out_channels = tuple(width * block.expansion for width in widths)
        inputs = (128, *self.out_channels)
        self.layer1 = _stage(block, inputs[0], widths[0], depths[0], stride=1)
        self.layer2 = _stage(block, inputs[1], widths[1], depths[1], stride=2)
        self.layer3 = _stage(block, inputs[2], widths[2], depths[2], stride=2)
        self.layer4 = _stage(block, inputs[3], widths[3], depths[3], stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.relu(self.bn3(self.conv3(x)))  # (N, 128, H/2, W/2)
        f2 = self.layer1(self.maxpool(x))  # (N, C2, H/4, W/4)
        f3 = self.layer2(f2)  # (N, C3, H/8, W/8)
        f4 = self.layer3(f3)  # (N, C4, H/16, W/16)
        f5 = self.layer4(f4)  # (N, C5, H/32, W/32)
        return f2, f3, f4, f5


def _stage(
    block: type[BasicBlock | Bottleneck], in_channels: int, width: int, depth: int, *, stride: int
) -> nn.Sequential:
    """`depth` residual blocks; the first one changes size and channels."""
    out_channels = width * block.expansion
    shortcut = None
    if stride != 1 or in_channels != out_channels:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), BatchNorm2d(out_channels)
        )
    first = block(in_channels, width, stride, shortcut, norm_layer=BatchNorm2d)
    others = (block(out_channels, width, norm_layer=BatchNorm2d) for _ in range(depth - 1))
    return nn.Sequential(first, *others)


class ConvBNReLU(nn.Module):
    """Convolution that keeps the size, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.relu(self.bn(self.conv(x)))
        return activated


class FeaturePyramid(nn.Module):
    """Four backbone features -> four levels of `channels` channels, each merged with the coarser levels."""

    def __init__(self, in_channels: tuple[int, ...], channels: int) -> None:
        super().__init__()
        c2, c3, c4, c5 = in_channels
        self.toplayer_ = ConvBNReLU(c5, channels, 1)
        self.smooth1_ = ConvBNReLU(channels, channels, 3)
        self.smooth2_ = ConvBNReLU(channels, channels, 3)
        self.smooth3_ = ConvBNReLU(channels, channels, 3)
        self.latlayer1_ = ConvBNReLU(c4, channels, 1)
        self.latlayer2_ = ConvBNReLU(c3, channels, 1)
        self.latlayer3_ = ConvBNReLU(c2, channels, 1)

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


def initialise(module: nn.Module) -> None:
    """Draw the weights of convolutions from a normal distribution of variance 2 / (kh * kw * out_channels)."""
    if isinstance(module, nn.Conv2d):
        kh, kw = module.kernel_size
        nn.init.normal_(module.weight, std=math.sqrt(2 / (kh * kw * module.out_channels)))
