"""What the tests' small model shows of its predictions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ocr_models.detection.pages import AnnotatedSet
from ocr_models.picture import Panel, Picture
from ocr_models.task import TrainingTask


def show(task: TrainingTask, data: AnnotatedSet, names: Sequence[str], count: int | None) -> Picture:
    """One panel for each image: the network's only map of the image's top left corner."""
    panels = []
    for image in data.images[: count or 5]:
        pixels = torch.from_numpy(image.load()[:64, :64].copy()).permute(2, 0, 1)[None] / 255  # (1, 3, 64, 64)
        with torch.inference_mode():
            panels.append(Panel(image.path.stem, task.model.eval()(pixels)[0, 0].numpy()))
    return Picture(panels, columns=3)
