"""Residual blocks one after another: the part that all residual backbones have in common."""

from __future__ import annotations

from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ocr_models.batch_norm import BatchNorm2d

Block = type[BasicBlock | Bottleneck]


def residual_stage(block: Block, in_channels: int, width: int, depth: int, *, stride: int = 1) -> nn.Sequential:
    """`depth` residual blocks; the first one changes size and channels: (N, in_channels, H, W) -> (N, C, H', W').

    C is `width * block.expansion`; H' and W' are H and W divided by the stride and rounded up.
    """
    out_channels = width * block.expansion
    shortcut = None
    if stride != 1 or in_channels != out_channels:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), BatchNorm2d(out_channels)
        )
    first = block(in_channels, width, stride, shortcut, norm_layer=BatchNorm2d)
    others = (block(out_channels, width, norm_layer=BatchNorm2d) for _ in range(depth - 1))
    return nn.Sequential(first, *others)
