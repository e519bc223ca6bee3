"""DB's two heads: features at a quarter of the image's size -> logits of probability and threshold at its size.

A transposed convolution of 2x2 pixels with stride 2 makes four pixels of each pixel, independently of all others. The
batch norm and the ReLU after it see each pixel alone, too. So the four pixels need not be put into their places: they
are four groups of values of the coarse pixel, and after the second transposed convolution there are sixteen. Only the
logits, one value per pixel, are put into their places. These are the operations of the transposed convolutions,
computed as convolutions of 1x1 pixels, and 64 channels need not be moved to four times as many pixels.
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
            Doubling(HIDDEN_CHANNELS, HIDDEN_CHANNELS),
            BatchNorm2d(HIDDEN_CHANNELS),
            nn.ReLU(inplace=True),
            Doubling(HIDDEN_CHANNELS, 1),
        )

    @property
    def last(self) -> Doubling:
        """The layer that makes the logits."""
        *_, layer = self
        assert isinstance(layer, Doubling)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        convolution, norm, relu, doubling, norm_2, relu_2, doubling_2 = self
        x = relu(norm(convolution(x)))  # (N, 64, h, w), where h = H/4, w = W/4
        n, _, h, w = x.shape
        in_planes = x.is_contiguous()
        x = relu_2(norm_2(doubling(x, in_planes=in_planes)))  # (N, 64, 4h, w) in planes, else (N, 64, h, 4w)
        x = doubling_2(x, in_planes=in_planes)  # (N, 1, 16h, w) in planes, else (N, 1, h, 16w)
        # The places in the groups, (row, column) each: of the first transposed convolution i, j, of the second k, l.
        if in_planes:
            pixels = x.reshape(n, 2, 2, 2, 2, h, w).permute(0, 5, 3, 1, 6, 4, 2)  # N, k, l, i, j, h, w before
        else:
            pixels = x.reshape(n, h, w, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)  # N, h, w, i, j, k, l before
        return pixels.reshape(n, 4 * h, 4 * w)  # N, (h, i, k), (w, j, l)


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution of 2x2 pixels with stride 2, whose four pixels of each pixel stay with it as groups."""

    bias: Tensor

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 2, stride=2)

    def forward(self, x: Tensor, *, in_planes: bool) -> Tensor:  # type: ignore[override]
        """(N, in_channels, H, W) -> (N, out_channels, 4H, W) in planes, else (N, out_channels, H, 4W).

        In planes the groups are the outermost part of the rows, else the innermost of the columns: no value moves.
        """
        n, _, h, w = x.shape
        if in_planes:
            weight = self.weight.permute(1, 2, 3, 0).reshape(-1, self.in_channels, 1, 1)  # channels, then groups
            grouped = F.conv2d(x, weight, self.bias.repeat_interleave(4))  # (N, 4 * out_channels, H, W)
            return grouped.reshape(n, self.out_channels, 4 * h, w)
        weight = self.weight.permute(2, 3, 1, 0).reshape(-1, self.in_channels, 1, 1)  # groups, then channels
        grouped = F.conv2d(x, weight, self.bias.repeat(4))  # (N, 4 * out_channels, H, W)
        return grouped.permute(0, 2, 3, 1).reshape(n, h, 4 * w, self.out_channels).permute(0, 3, 1, 2)


def _initialise(module: nn.Module) -> None:
    """Weights as He et al. for ReLU, by the inputs as torch counts them; biases of convolutions stay torch's own."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight)
    elif isinstance(module, BatchNorm2d):
        nn.init.constant_(module.bias, BATCH_NORM_BIAS)
