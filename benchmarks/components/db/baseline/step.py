"""DB's training step, as a first version would be written: the baseline for the suite's own step.

The network is torchvision's ResNet and torch's own layers, one after another, in the default memory format. The loss
reads its counts back to the host, and the optimizer updates one parameter after another.

`python -m benchmarks.components.compare_steps --model dbr18` times it in turns with the suite's step.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from benchmarks.components.db.baseline.loss import baseline_losses


class BaselineDBNet(nn.Module):
    """Images (N, 3, H, W) -> probability, threshold and approximate binary map, (N, 3, H, W).

    Its modules have the names of those of `ocr_models.db.DBNet`, so that each can have the other's weights.
    """

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.backbone = getattr(torchvision.models, backbone)()
        self.backbone.fc = nn.Identity()
        self.neck = _Neck(self.backbone.layer4[-1].conv1.in_channels)
        self.head = nn.ModuleDict({"binarize": _head(bias=True), "thresh": _head(bias=False)})

    def forward(self, images: Tensor) -> Tensor:
        backbone = self.backbone
        x = backbone.maxpool(backbone.relu(backbone.bn1(backbone.conv1(images))))
        features = []
        for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
            x = stage(x)
            features.append(x)
        x = self.neck(*features)
        probability, threshold = self.head["binarize"](x), self.head["thresh"](x)
        binary = torch.reciprocal(1 + torch.exp(-50 * (probability - threshold)))
        maps = torch.cat((probability, threshold, binary), dim=1)
        return F.interpolate(maps, size=images.shape[2:], mode="bilinear", align_corners=True)


class _Neck(nn.Module):
    def __init__(self, c5: int) -> None:
        super().__init__()
        self.reduce_conv_c2 = _conv_bn_relu(c5 // 8, 1)
        self.reduce_conv_c3 = _conv_bn_relu(c5 // 4, 1)
        self.reduce_conv_c4 = _conv_bn_relu(c5 // 2, 1)
        self.reduce_conv_c5 = _conv_bn_relu(c5, 1)
        self.smooth_p4, self.smooth_p3, self.smooth_p2 = (_conv_bn_relu(64, 3) for _ in range(3))
        self.conv = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU(inplace=True))

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor, c5: Tensor) -> Tensor:
        p5 = self.reduce_conv_c5(c5)
        p4 = self.smooth_p4(_nearest(p5, c4) + self.reduce_conv_c4(c4))
        p3 = self.smooth_p3(_nearest(p4, c3) + self.reduce_conv_c3(c3))
        p2 = self.smooth_p2(_nearest(p3, c2) + self.reduce_conv_c2(c2))
        levels = (p2, _nearest(p3, p2), _nearest(p4, p2), _nearest(p5, p2))
        merged: Tensor = self.conv(torch.cat(levels, dim=1))
        return merged


def _conv_bn_relu(in_channels: int, size: int) -> nn.Sequential:
    layers = nn.Sequential()
    layers.add_module("conv", nn.Conv2d(in_channels, 64, size, padding=size // 2))
    layers.add_module("bn", nn.BatchNorm2d(64))
    layers.add_module("relu", nn.ReLU(inplace=True))
    return layers


def _nearest(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:])


def _head(*, bias: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(256, 64, 3, padding=1, bias=bias),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(64, 64, 2, stride=2),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(64, 1, 2, stride=2),
        nn.Sigmoid(),
    )


def example_batch(batch_size: int, image_size: int) -> list[Tensor]:
    """Images (N, 3, H, W) of noise, and shrink map, shrink mask, threshold map and threshold mask, (N, H, W) each.

    There is one text per image, in the middle of its upper half.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, 3, image_size, image_size, generator=generator)
    shrink_map, threshold_mask = torch.zeros(2, batch_size, image_size, image_size)
    unit = image_size // 16
    shrink_map[:, 4 * unit : 6 * unit, 4 * unit : 12 * unit] = 1
    threshold_mask[:, 3 * unit : 7 * unit, 3 * unit : 13 * unit] = 1
    threshold_map = 0.3 + 0.4 * torch.rand(batch_size, image_size, image_size, generator=generator) * threshold_mask
    return [images, shrink_map, torch.ones_like(shrink_map), threshold_map, threshold_mask]


class BaselineStep:
    """A model and its optimizer, trained on batches as those of `example_batch`."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=True)

    def __call__(self, images: Tensor, *targets: Tensor) -> dict[str, float]:
        """One step -> the losses as numbers: each waits for the device."""
        images, *maps = (each.to(self.device) for each in (images, *targets))
        losses = baseline_losses(self.model(images), *maps)
        self.optimizer.zero_grad()
        losses["loss"].backward()
        self.optimizer.step()
        return {name: value.item() for name, value in losses.items()}
