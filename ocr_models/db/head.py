"""DB's two heads: features at a quarter of the image's size -> logits of probability and threshold at its size.

A transposed convolution of 2x2 pixels with stride 2 makes four pixels of each, independent of all others. So is what
lies between two of them, batch norm and ReLU. Hence a head computes the four pixels as four groups of values of the
coarse pixel, and the sixteen pixels after the second one likewise. Only the logits, one value per pixel, are put
into their places. These are the operations of the transposed convolutions, but as products of matrices and without
moving 64 channels around.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.batch_norm import BatchNorm2d

HIDDEN_CHANNELS = 64
BATCH_NORM_BIAS = 1e-4


class Heads(nn.Module):
    """Features (N, in_channels, H/4, W/4) -> logits of P and of T, (N, H, W) each."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.binarize = Head(in_channels, bias=True)
        self.thresh = Head(in_channels, bias=False)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.binarize(x), self.thresh(x)


class Head(nn.Sequential):
    """Features (N, in_channels, H/4, W/4) -> logits (N, H, W). It computes what its layers one after another would.

    Args:
        in_channels: channels of the features.
        bias: whether the first convolution has one.
    """

    def __init__(self, in_channels: int, *, bias: bool) -> None:
        super().__init__(
            nn.Conv2d(in_channels, HIDDEN_CHANNELS, 3, padding=1, bias=bias),
            BatchNorm2d(HIDDEN_CHANNELS),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(HIDDEN_CHANNELS, HIDDEN_CHANNELS, 2, stride=2),
            BatchNorm2d(HIDDEN_CHANNELS),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(HIDDEN_CHANNELS, 1, 2, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        convolution, norm, relu, enlarge, norm_2, relu_2, enlarge_2 = self
        x = relu(norm(convolution(x)))  # (N, 64, h, w), h = H/4, w = W/4
        n, c, h, w = x.shape
        if x.is_contiguous():
            x = _pixels_of_each(enlarge, x, channels_first=True).view(n, c, 4 * h, w)
            x = _pixels_of_each(enlarge_2, relu_2(norm_2(x)), channels_first=True)  # (N, 4, 4h, w)
            pixels = x.view(n, 2, 2, 2, 2, h, w).permute(0, 5, 3, 1, 6, 4, 2)
        else:
            x = _pixels_of_each(enlarge, x).permute(0, 2, 3, 1).reshape(n, h, 4 * w, c).permute(0, 3, 1, 2)
            x = _pixels_of_each(enlarge_2, relu_2(norm_2(x)))  # (N, 4, h, 4w)
            pixels = x.permute(0, 2, 3, 1).reshape(n, h, w, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
        return pixels.reshape(n, 4 * h, 4 * w)


def _pixels_of_each(layer: nn.ConvTranspose2d, x: Tensor, *, channels_first: bool = False) -> Tensor:
    order = (1, 2, 3, 0) if channels_first else (2, 3, 1, 0)
    weight = layer.weight.permute(order).reshape(-1, x.shape[1], 1, 1)
    bias = layer.bias.repeat_interleave(4) if channels_first else layer.bias.repeat(4)
    return F.conv2d(x, weight, bias)


def _initialise(module: nn.Module) -> None:
    """Weights as He et al. for ReLU, by the inputs as torch counts them; biases of convolutions stay torch's own."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight)
    elif isinstance(module, BatchNorm2d):
        nn.init.constant_(module.bias, BATCH_NORM_BIAS)
