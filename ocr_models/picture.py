"""The picture that a model makes of its predictions: panels in rows. `python -m ocr_models.show` draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from ocr_models.task import TrainingTask

GREEN, GREY, RED = (40, 220, 60), (150, 150, 150), (255, 60, 40)
"""Drawn into the pixels of panels: what is right, what does not count, what was found or is wrong."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One image with its title.

    Attributes:
        title: plain text; `$` has no special meaning.
        pixels: (H, W, 3) uint8 RGB, or (H, W) values from 0 to 1, drawn as colours from dark to bright.

    Raises:
        ValueError: if `pixels` has another shape.
    """

    title: str
    pixels: NDArray[Any]

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
            raise ValueError(f"pixels of a panel have the shape (H, W, 3) or (H, W), not {shape}")


@dataclass(frozen=True, eq=False)
class Picture:
    """Panels in rows.

    Attributes:
        panels: row by row; at least one.
        columns: panels in a row.
        panel_inches: width and height of a panel with its title; an inch has 100 pixels.
        title: above all panels: what they are, and how they were chosen. Plain text, in one line.

    Raises:
        ValueError: if there is no panel or no column.
    """

    panels: Sequence[Panel]
    columns: int
    panel_inches: tuple[float, float] = (3.2, 2.0)
    title: str = ""

    def __post_init__(self) -> None:
        if not self.panels or self.columns < 1:
            raise ValueError("a picture has at least one panel and one column")


Show = Callable[["TrainingTask", Any, Sequence[str], "int | None"], Picture]
"""(task, data, names, count) -> the picture of what the task's model predicts for samples of a data set.

task: with the trained weights, on the device on which the predictions are computed. data: what `task.read_data` read.
names: of the samples to show; if there are none, the function chooses `count` samples, or as many as suit the model if
that is None. It raises ocr_models.errors.DataError for a name that it does not find and for a sample that is damaged.
"""
