"""Residual backbones: what those of the detectors have in common, which is everything but the stem."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ocr_models.residual_stage import Block, residual_stage

BACKBONES: dict[str, tuple[Block, tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}
WIDTHS = (64, 128, 256, 512)


def block_and_depths(backbone: str) -> tuple[Block, tuple[int, ...]]:
    """Name of a backbone -> the type of its blocks, and their number in each of its four stages.

    Raises:
        ValueError: if the backbone is unknown.
    """
    if backbone not in BACKBONES:
        raise ValueError(f"backbone {backbone!r} is not known: choose one of {', '.join(sorted(BACKBONES))}")
    return BACKBONES[backbone]


class ResidualStages(nn.Module):
    """The four stages of a ResNet. The class of a backbone derives from it and adds the stem.

    Attributes:
        out_channels: channels of the four features.
    """

    def _add_stages(self, block: Block, depths: tuple[int, ...], in_channels: int) -> None:
        """Make `layer1` to `layer4`. `in_channels` are those of the stem's result."""
        self.out_channels = tuple(width * block.expansion for width in WIDTHS)
        inputs = (in_channels, *self.out_channels)
        self.layer1 = residual_stage(block, inputs[0], WIDTHS[0], depths[0], stride=1)
        self.layer2 = residual_stage(block, inputs[1], WIDTHS[1], depths[1], stride=2)
        self.layer3 = residual_stage(block, inputs[2], WIDTHS[2], depths[2], stride=2)
        self.layer4 = residual_stage(block, inputs[3], WIDTHS[3], depths[3], stride=2)

    def _stages(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The stem's result, at 1/4 of the image's size -> features at 1/4, 1/8, 1/16 and 1/32."""
        c2 = self.layer1(x)  # (N, C2, H/4, W/4)
        c3 = self.layer2(c2)  # (N, C3, H/8, W/8)
        c4 = self.layer3(c3)  # (N, C4, H/16, W/16)
        c5 = self.layer4(c4)  # (N, C5, H/32, W/32)
        return c2, c3, c4, c5


def draw_by_outputs(module: nn.Module) -> None:
    """Draw the weight of a convolution from a normal distribution of variance 2 / (kh * kw * out_channels).

    For `nn.Module.apply`; modules of other types stay as they are.
    """
    if isinstance(module, nn.Conv2d):
        kh, kw = module.kernel_size
        nn.init.normal_(module.weight, std=(2 / (kh * kw * module.out_channels)) ** 0.5)
