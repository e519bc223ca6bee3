"""The block of layers that the networks of the detectors are made of."""

from __future__ import annotations

from torch import Tensor, nn

from ocr_models.batch_norm import BatchNorm2d


class ConvBNReLU(nn.Module):
    """Convolution that keeps the size, batch norm, ReLU: (N, in_channels, H, W) -> (N, out_channels, H, W).

    Args:
        in_channels, out_channels: widths.
        kernel_size: side of the kernel in pixels, an odd number.
        bias: whether the convolution has one.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias)
        self.bn = BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.relu(self.bn(self.conv(x)))
        return activated
