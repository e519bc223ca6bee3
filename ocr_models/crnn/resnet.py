"""CRNN's residual backbone: 29 convolutions that reduce the height to 1 row, and the width to a quarter."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from ocr_models.batch_norm import BatchNorm2d
from ocr_models.residual_stage import residual_stage


class ResNet(nn.Module):
    """Images (N, channels, 32, W) -> features (N, width, 1, W/4 + 1).

    Each of the four levels is residual blocks and one further convolution. Modules have the names of the reference.

    Args:
        channels: of the images.
        width: channels of the features, a multiple of 16.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        sixteenth, eighth, quarter, half = (width // divisor for divisor in (16, 8, 4, 2))
        self.conv0_1 = _convolution(channels, sixteenth)
        self.bn0_1 = BatchNorm2d(sixteenth)
        self.conv0_2 = _convolution(sixteenth, eighth)
        self.bn0_2 = BatchNorm2d(eighth)
        self.relu = nn.ReLU(inplace=True)

        self.maxpool1 = nn.MaxPool2d(2)
        self.layer1 = residual_stage(BasicBlock, eighth, quarter, 1)
        self.conv1 = _convolution(quarter, quarter)
        self.bn1 = BatchNorm2d(quarter)

        self.maxpool2 = nn.MaxPool2d(2)
        self.layer2 = residual_stage(BasicBlock, quarter, half, 2)
        self.conv2 = _convolution(half, half)
        self.bn2 = BatchNorm2d(half)

        self.maxpool3 = nn.MaxPool2d(2, stride=(2, 1), padding=(0, 1))
        self.layer3 = residual_stage(BasicBlock, half, width, 5)
        self.conv3 = _convolution(width, width)
        self.bn3 = BatchNorm2d(width)

        self.layer4 = residual_stage(BasicBlock, width, width, 3)
        self.conv4_1 = nn.Conv2d(width, width, 2, stride=(2, 1), padding=(0, 1), bias=False)
        self.bn4_1 = BatchNorm2d(width)
        self.conv4_2 = nn.Conv2d(width, width, 2, bias=False)
        self.bn4_2 = BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn0_1(self.conv0_1(x)))
        x = self.relu(self.bn0_2(self.conv0_2(x)))  # (N, width/8, 32, W)
        x = self.layer1(self.maxpool1(x))
        x = self.relu(self.bn1(self.conv1(x)))  # (N, width/4, 16, W/2)
        x = self.layer2(self.maxpool2(x))
        x = self.relu(self.bn2(self.conv2(x)))  # (N, width/2, 8, W/4)
        x = self.layer3(self.maxpool3(x))
        x = self.relu(self.bn3(self.conv3(x)))  # (N, width, 4, W/4 + 1)
        x = self.layer4(x)
        x = self.relu(self.bn4_1(self.conv4_1(x)))  # (N, width, 2, W/4 + 2)
        features: Tensor = self.relu(self.bn4_2(self.conv4_2(x)))  # (N, width, 1, W/4 + 1)
        return features


def _convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    """It keeps the size."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
