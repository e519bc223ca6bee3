"""CRNN's small backbone: seven convolutions, as in Shi et al., "An End-to-End Trainable Neural Network", TPAMI 2017."""

from __future__ import annotations

from torch import nn

from ocr_models.batch_norm import BatchNorm2d


def vgg(channels: int, width: int) -> nn.Sequential:
    """Images (N, channels, 32, W) -> features (N, width, 1, W/4 - 1).

    The indices of the layers are those of the reference. The two convolutions with a batch norm have no bias.

    Args:
        channels: of the images.
        width: channels of the features, a multiple of 8.
    """
    eighth, quarter, half = (width // divisor for divisor in (8, 4, 2))
    return nn.Sequential(
        *(nn.Conv2d(channels, eighth, 3, padding=1), nn.ReLU(inplace=True)),
        nn.MaxPool2d(2),  # (N, width/8, 16, W/2)
        *(nn.Conv2d(eighth, quarter, 3, padding=1), nn.ReLU(inplace=True)),
        nn.MaxPool2d(2),  # (N, width/4, 8, W/4)
        *(nn.Conv2d(quarter, half, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(half, half, 3, padding=1), nn.ReLU(inplace=True)),
        nn.MaxPool2d((2, 1)),  # (N, width/2, 4, W/4)
        *(nn.Conv2d(half, width, 3, padding=1, bias=False), BatchNorm2d(width), nn.ReLU(inplace=True)),
        *(nn.Conv2d(width, width, 3, padding=1, bias=False), BatchNorm2d(width), nn.ReLU(inplace=True)),
        nn.MaxPool2d((2, 1)),  # (N, width, 2, W/4)
        *(nn.Conv2d(width, width, 2), nn.ReLU(inplace=True)),  # (N, width, 1, W/4 - 1)
    )
