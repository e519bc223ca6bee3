"""The panels that show what a PSENet predicts of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ocr_models import MODELS
from ocr_models.detection.reading import read_annotated_set
from ocr_models.psenet.panels import show

MAPS = ["text map", *(f"kernel {number}" for number in range(1, 7))]


def test_each_image_has_ten_panels_in_two_rows(image_folder: Path) -> None:
    task = MODELS["psenetr18"].load_task_builder()(image_size=64, seed=0, device=torch.device("cpu"))
    picture = show(task, read_annotated_set(image_folder, "test"), [], None)
    assert len(picture.panels) == 2 * 10
    assert picture.columns == 5
    for number, panels in enumerate((picture.panels[:10], picture.panels[10:]), start=1):
        titles = [panel.title for panel in panels]
        assert titles[:9] == [f"img_{number}: ground truth", *MAPS, "labels"]
        assert titles[9].endswith(" boxes")
        assert [panel.pixels.shape for panel in panels] == [
            (360, 640, 3),
            *[(64, 128)] * 7,
            (64, 128, 3),
            (360, 640, 3),
        ]
        assert all(panel.pixels.min() >= 0 and panel.pixels.max() <= 1 for panel in panels[1:8])


def test_the_panels_of_a_text_show_its_maps_its_label_and_its_box(image_folder: Path) -> None:
    """The last convolution of the network is set so that every pixel is text."""
    task = MODELS["psenetr18"].load_task_builder()(image_size=64, seed=0, device=torch.device("cpu"))
    last = [module for module in task.model.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    assert last.bias is not None
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(5.0)
    passes = []
    task.model.register_forward_hook(lambda *_: passes.append(1))
    _, *maps, labels, found = show(task, read_annotated_set(image_folder, "test"), ["img_2"], None).panels
    assert all(panel.pixels == pytest.approx(1 / (1 + np.exp(-5.0))) for panel in maps)
    (colour,) = np.unique(labels.pixels.reshape(-1, 3), axis=0)
    assert colour.any()  # the background is black
    assert found.title == "1 boxes"
    assert len(passes) == 1
