"""DB's two heads: (N, C, H/4, W/4) -> logits of the probability and of the threshold, (N, H, W) each."""

from __future__ import annotations

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
    """Features (N, in_channels, H/4, W/4) -> logits (N, H, W).

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
        for layer in self:
            x = layer(x)
        return x.squeeze(1)  # (N, 1, H, W) before


def _initialise(module: nn.Module) -> None:
    """Weights as He et al. for ReLU, by the inputs as torch counts them; biases of convolutions stay torch's own."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight)
    elif isinstance(module, BatchNorm2d):
        nn.init.constant_(module.bias, BATCH_NORM_BIAS)
