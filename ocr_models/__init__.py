"""OCR models, their data and their training tasks; usable without the benchmarks.

Importing this package imports no torch: a model's code is loaded when its training task is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocr_models.task import TaskBuilder


@dataclass(frozen=True)
class Model:
    """A model that can be trained: how it is written in artifacts, and where its training task is built."""

    title: str
    task: str  # "module:function"

    def load_task_builder(self) -> TaskBuilder:
        module, function = self.task.split(":")
        builder: TaskBuilder = getattr(import_module(module), function)
        return builder


MODELS = {
    "psenet": Model("PSENet", "ocr_models.psenet.task:training_task"),
    "psenetsmall": Model("PSENetSmall", "ocr_models.psenet.task:small_training_task"),
}
