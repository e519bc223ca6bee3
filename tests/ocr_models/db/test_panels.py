"""The panels that show what a DBNet predicts of an image."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ocr_models.db import DBNet
from ocr_models.db.panels import show
from ocr_models.detection.reading import read_annotated_set

TITLES = ["probability map P", "threshold map T", "binary map B"]


class Halves(nn.Module):
    """Replaces a network: P is high in the left half of the image and low in the right half, T is 0.6 everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.passes = 0

    def probability(self, images: Tensor) -> Tensor:
        assert not self.training
        self.passes += 1
        columns = torch.arange(images.shape[3], device=images.device)
        is_left = columns < images.shape[3] // 2
        row = torch.where(is_left, 0.9, 0.1) * self.scale
        return row.expand(1, 1, images.shape[2], -1)

    def forward(self, images: Tensor) -> Tensor:
        probability = self.probability(images)
        return torch.cat([probability, torch.full_like(probability, 0.6)], dim=1)


def task_of(model: nn.Module, image_size: int) -> Any:
    return SimpleNamespace(model=model, input_shape=(3, image_size, image_size))


def test_each_image_has_five_panels_in_a_row(image_folder: Path) -> None:
    picture = show(task_of(DBNet("resnet18"), 64), read_annotated_set(image_folder, "test"), [], None)
    assert len(picture.panels) == 2 * picture.columns == 10
    for number, panels in enumerate((picture.panels[:5], picture.panels[5:]), start=1):
        titles = [panel.title for panel in panels]
        assert titles[:4] == [f"img_{number}: ground truth", *TITLES]
        assert titles[4].endswith(" boxes")
        assert [panel.pixels.shape for panel in panels] == [(360, 640, 3), *[(74, 132)] * 3, (360, 640, 3)]
        assert all(panel.pixels.min() >= 0 and panel.pixels.max() <= 1 for panel in panels[1:4])


def test_the_panels_show_the_maps_of_the_network_and_the_box_found_in_them(image_folder: Path) -> None:
    data = read_annotated_set(image_folder, "test")
    model = Halves().train()
    _, probability, threshold, binary, found = show(task_of(model, 320), data, ["img_2"], None).panels
    width = probability.pixels.shape[1]
    for panel, left, right in (
        (probability, 0.9, 0.1),
        (threshold, 0.6, 0.6),
        (binary, 1 / (1 + np.exp(-15)), 1 / (1 + np.exp(25))),
    ):
        np.testing.assert_allclose(panel.pixels[:, : width // 2], left, rtol=1e-6)
        np.testing.assert_allclose(panel.pixels[:, width // 2 :], right, rtol=1e-4)
    assert found.title == "1 boxes"
    changed = (found.pixels != data.images[1].load()).any(axis=2)  # outline and score
    assert changed[:, :320].any()
    assert not changed[:, 480:].any()
    assert model.training
    assert model.passes == 1
