"""Layers without parameters that prepare a batch on the device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R 601, as in PIL's conversion to grey


class Normalise(nn.Module):
    """Pixels in 0..255 -> floats with the mean and the standard deviation of ImageNet's pixels."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("scale", 1 / (255 * std), persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, H, W, 3), uint8 or float -> (N, 3, H, W) float32, in channels_last memory format."""
        return torch.addcmul(self.shift, pixels, self.scale).permute(0, 3, 1, 2)


class ColourJitter(nn.Module):
    """RGB bytes -> normalised floats with changed brightness and saturation; each sample has its own order of the two.

    As in PIL's ImageEnhance, brightness blends with black and saturation with the pixel's grey, and both clamp to
    0..255, but nothing is rounded to integers in between.
    """

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise()

    def forward(self, images: Tensor, jitter: Tensor) -> Tensor:
        """Jitter and normalise a batch.

        Args:
            images: (N, H, W, 3) uint8.
            jitter: (N, 3) float: brightness factor, saturation factor, and 1 if brightness comes first, else 0.

        Returns:
            (N, 3, H, W) float32, in channels_last memory format.
        """
        brightness, saturation, brightness_first = (column.view(-1, 1, 1, 1) for column in jitter.unbind(1))
        before = torch.where(brightness_first > 0.5, brightness, 1.0)
        after = torch.where(brightness_first > 0.5, 1.0, brightness)
        pixels = (images * before).clamp_(0, 255)  # (N, H, W, 3)
        red, green, blue = torch.split(pixels, 1, dim=3)  # (N, H, W, 1) each
        grey = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue  # (N, H, W, 1)
        pixels = torch.lerp(grey, pixels, saturation).clamp_(0, 255)
        pixels = (pixels * after).clamp_(0, 255)
        normalised: Tensor = self.normalise(pixels)  # (N, 3, H, W)
        return normalised


class UnpackBits(nn.Module):
    """Maps packed into the bits of bytes: (N, H, W) uint8 -> (N, count, H, W) bool, lowest bit first."""

    bits: Tensor

    def __init__(self, count: int = 8) -> None:
        super().__init__()
        bits = torch.tensor([1 << bit for bit in range(count)], dtype=torch.uint8)
        self.register_buffer("bits", bits.view(-1, 1, 1), persistent=False)

    def forward(self, packed: Tensor) -> Tensor:
        return (packed.unsqueeze(1) & self.bits) != 0
