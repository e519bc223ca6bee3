"""What arrives at the first layer of a network, however the network is written."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.harness.worker.probes.flops import model_report


class Network(nn.Module):
    """A convolution behind a function of the images (N, 3, 64, 64); its weights belong to no layer."""

    def __init__(self, first: Any, channels: int = 3) -> None:
        super().__init__()
        self.first = first
        self.weight = nn.Parameter(torch.randn(4, channels, 3, 3))

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(self.first(images), self.weight)


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 16, 768))
        self.embedding = nn.Linear(768, 8)

    def forward(self, images: Tensor) -> Tensor:
        positions = self.positions * 2  # computed from parameters alone
        patches = F.unfold(images, 16, stride=16).transpose(1, 2)  # (N, 16, 768)
        embedded: Tensor = self.embedding(patches) + positions[..., :8]
        return embedded


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, images: Tensor) -> Tensor:
        return self.bias.exp()


def smoothed(images: Tensor) -> Tensor:
    """By a fixed kernel, which is no parameter."""
    return F.conv2d(images, torch.ones(3, 1, 3, 3, device=images.device), padding=1, groups=3)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Conv2d(3, 4, 3), [1, 3, 64, 64]),
        (Network(lambda images: images), [1, 3, 64, 64]),
        (Network(lambda images: images.mul_(2)), [1, 3, 64, 64]),
        (Network(smoothed), [1, 3, 64, 64]),
        (Network(lambda images: F.interpolate(images, 32)), [1, 3, 32, 32]),
        (Network(lambda images: F.interpolate(images, 32, mode="bilinear", antialias=True)), [1, 3, 32, 32]),
        (Network(lambda images: F.interpolate(F.avg_pool2d(images, 2), 64)), [1, 3, 64, 64]),
        (Network(lambda images: images[..., ::2, 16:48]), [1, 3, 32, 32]),
        (Network(lambda images: F.adaptive_avg_pool2d(images.double(), 16).float()), [1, 3, 16, 16]),
        (Network(lambda images: F.pixel_unshuffle(images, 2), 12), [1, 12, 32, 32]),
        (nn.Sequential(nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Conv2d(3, 4, 3)), [1, 3, 64, 64]),
        (nn.Sequential(nn.MaxPool2d(2), nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))), [1, 3, 32, 32]),
        (Patches(), [16, 768]),
        (Constant(), None),
    ],
)
def test_the_shape_is_that_where_input_and_parameters_meet(model: nn.Module, shape: list[int] | None) -> None:
    assert model_report(model, torch.empty(1, 3, 64, 64)).first_layer_shape == shape


def test_frozen_layers_count_too() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3).requires_grad_(False), nn.MaxPool2d(4), nn.Conv2d(4, 1, 3))
    assert model_report(model, torch.empty(1, 3, 64, 64)).first_layer_shape == [1, 3, 64, 64]
