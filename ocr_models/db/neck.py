"""DB's neck: four features of the backbone -> one feature of 256 channels at a quarter of the image's size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.batch_norm import BatchNorm2d
from ocr_models.detection.convolution import ConvBNReLU

LEVEL_CHANNELS = 64


class FeaturePyramid(nn.Module):
    """Features of the backbone at 1/4, 1/8, 1/16 and 1/32 -> (N, out_channels, H/4, W/4).

    Each level is merged with the coarser ones. Then all are enlarged to the size of the finest and convolved together.

    Attributes:
        out_channels: channels of the result.
    """

    def __init__(self, in_channels: tuple[int, ...]) -> None:
        super().__init__()
        c2, c3, c4, c5 = in_channels
        self.out_channels = 4 * LEVEL_CHANNELS
        self.reduce_conv_c2 = ConvBNReLU(c2, LEVEL_CHANNELS, 1, bias=True)
        self.reduce_conv_c3 = ConvBNReLU(c3, LEVEL_CHANNELS, 1, bias=True)
        self.reduce_conv_c4 = ConvBNReLU(c4, LEVEL_CHANNELS, 1, bias=True)
        self.reduce_conv_c5 = ConvBNReLU(c5, LEVEL_CHANNELS, 1, bias=True)
        self.smooth_p4 = ConvBNReLU(LEVEL_CHANNELS, LEVEL_CHANNELS, 3, bias=True)
        self.smooth_p3 = ConvBNReLU(LEVEL_CHANNELS, LEVEL_CHANNELS, 3, bias=True)
        self.smooth_p2 = ConvBNReLU(LEVEL_CHANNELS, LEVEL_CHANNELS, 3, bias=True)
        self.conv = nn.Sequential(
            nn.Conv2d(self.out_channels, self.out_channels, 3, padding=1),
            BatchNorm2d(self.out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor, c5: Tensor) -> Tensor:
        p5 = self.reduce_conv_c5(c5)  # (N, 64, H/32, W/32)
        c4 = self.reduce_conv_c4(c4)
        p4 = self.smooth_p4(c4 + enlarge(p5, c4))  # (N, 64, H/16, W/16)
        c3 = self.reduce_conv_c3(c3)
        p3 = self.smooth_p3(c3 + enlarge(p4, c3))  # (N, 64, H/8, W/8)
        c2 = self.reduce_conv_c2(c2)
        p2 = self.smooth_p2(c2 + enlarge(p3, c2))  # (N, 64, H/4, W/4)
        levels = (p2, *(enlarge(each, p2) for each in (p3, p4, p5)))
        merged: Tensor = self.conv(torch.cat(levels, dim=1))
        return merged


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H', W') of another tensor, each pixel the nearest one, in the same memory format.

    If H' and W' are multiples, as in training, each pixel is repeated. The gradient is then a sum over the repeated
    pixels; that of torch's own enlargement is done by atomic additions in a compiled step on a GPU.
    """
    (n, c, h, w), (height, width) = x.shape, like.shape[2:]
    if height % h or width % w:
        return F.interpolate(x, size=(height, width), mode="nearest")
    rows, columns = height // h, width // w
    if x.is_contiguous(memory_format=torch.channels_last):
        pixels = x.permute(0, 2, 3, 1)[:, :, None, :, None, :].expand(n, h, rows, w, columns, c)
        return pixels.reshape(n, height, width, c).permute(0, 3, 1, 2)
    return x[:, :, :, None, :, None].expand(n, c, h, rows, w, columns).reshape(n, c, height, width)
