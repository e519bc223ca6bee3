"""Whether a case trains what it should: one step on fixed weights and images, beside what that step must come to.

A step that leaves a term of the loss out, cuts a branch off or learns shifted labels may well be fast. So each case
shows, off the clock and in its own precision and compile mode, that its step has the loss and the gradient of the
model's reference, which were computed in float64.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.data import default_collate

from benchmarks.cases import Case
from benchmarks.harness.liveness import Position
from benchmarks.harness.trainer import Trainer
from ocr_models import MODELS
from ocr_models.data.icdar2015 import AnnotatedImage
from ocr_models.task import Batch, TrainingTask

IMAGE_SIZE = 128
SAMPLES = 4
SEED = 0
MOST_SCALINGS = 24  # a gradient scaler starts at 2^16 and halves

TARGETS_TOLERANCE = 2e-4  # rounding has no part in them; leaves room for a few pixels that an OpenCV draws elsewhere
TOLERANCES = {
    "fp32": {"loss": 1e-3, "gradient_norm": 5e-3, "targets": TARGETS_TOLERANCE},
    "tf32": {"loss": 4e-3, "gradient_norm": 5e-2, "targets": TARGETS_TOLERANCE},
    "fp16": {"loss": 4e-3, "gradient_norm": 5e-2, "targets": TARGETS_TOLERANCE},
    "bf16": {"loss": 8e-3, "gradient_norm": 0.15, "targets": TARGETS_TOLERANCE},
}
"""How far from the reference, relative to it, a step may be in its losses, in the norm of its gradient and in what it
is to learn: several times what rounding was seen to do."""


def fingerprint(case: Case, device: torch.device, folder: Path) -> dict[str, Any]:
    """The figures of a case's step, those of its model's reference, how far apart they are and may be.

    `folder` takes the fixed images for the time being.
    """
    alone = replace(case, mode="sp", batch_size=case.batch_size_per_process, processes=1)
    task = fixed_task(case.model, device, folder)
    figures = figures_of(Trainer(task, alone, device, Position(stage="reports")), fixed_batch(task))
    expected = task.reference.figures
    return {
        "figures": figures,
        "reference": dict(expected),
        "deviation": {name: deviation(figures[name], expected[name]) for name in expected if name != "parameters"},
        "tolerance": TOLERANCES[case.precision],
    }


def reference_figures(model: str, folder: Path) -> dict[str, float]:
    """What a model's step comes to in float64 on the CPU: its reference."""
    device = torch.device("cpu")
    task = fixed_task(model, device, folder)
    task.model.double()
    exact = replace(task, prepare=InFloat64(task.prepare))
    case = Case(model, "sp", SAMPLES, "fp32", device="cpu")
    return figures_of(Trainer(exact, case, device, Position()), fixed_batch(task))


def fixed_task(model: str, device: torch.device, folder: Path) -> TrainingTask:
    build = MODELS[model].load_task_builder()
    task = build(fixed_images(folder), image_size=IMAGE_SIZE, seed=SEED, device=device)
    task.reference.fix_weights(task.model)
    return task


def fixed_batch(task: TrainingTask) -> Batch:
    samples = [task.dataset[position % len(task.dataset), position] for position in range(SAMPLES)]
    return task.reference.fix_pixels(tuple(default_collate(samples)))


def figures_of(trainer: Trainer, batch: Batch) -> dict[str, float]:
    """The losses, the norm of the gradient over all parameters, the number of parameter tensors that have one, and
    where the targets lie."""
    for _ in range(MOST_SCALINGS):
        losses = trainer.backward(batch)
        trainer.scaler.unscale_(trainer.optimizer)
        gradients = [p.grad.double().norm() for p in trainer.model.parameters() if p.grad is not None]
        norm = float(torch.stack(gradients).norm()) if gradients else 0.0
        if math.isfinite(norm) or not trainer.scaler.is_enabled():
            break
        trainer.scaler.step(
            trainer.optimizer
        )  # as in training: a step that overflows is left out, and halves the scale
        trainer.scaler.update()
        trainer.optimizer.zero_grad(set_to_none=True)
    means = {name: float(values.detach().mean()) for name, values in losses.items() if name.startswith("loss")}
    return means | {"gradient_norm": norm, "parameters": len(gradients), "targets": _place(trainer.targets(batch))}


def _place(targets: Any) -> float:
    """A number that moves with whatever the target maps (..., H, W) show: their mean, weighted in waves."""
    total = 0.0
    for each in tree_leaves(targets):
        rows, columns = (torch.linspace(0, 1, size, dtype=torch.float64) for size in (1, *each.shape)[-2:])
        weights = 2 + torch.sin(9 * rows)[:, None] + torch.cos(7 * columns)  # (H, W)
        total += float((each.double().cpu() * weights).mean())
    return total


def deviation(found: float, expected: float) -> float:
    """Relative to what is expected; infinite where the one is no number, or the other is 0."""
    if not math.isfinite(found) or expected == 0:
        return math.inf
    return abs(found - expected) / abs(expected)


class InFloat64(nn.Module):
    """A task's preparation of batches, its images as float64: rounding is then far below what is compared."""

    def __init__(self, prepare: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare

    def forward(self, batch: Batch) -> tuple[Tensor, Any]:
        images, targets = self.prepare(batch)
        return images.double(), targets


def fixed_images(folder: Path) -> list[AnnotatedImage]:
    """Two images with two texts and an ignored one, whose labels are to be drawn; their pixels are the reference's."""
    return [_fixed_image(folder / f"fixed_{number}.npy", slant=10 * number) for number in range(2)]


def _fixed_image(path: Path, slant: int) -> AnnotatedImage:
    polygons = (
        np.array([(30, 30), (150, 40 + slant), (148, 80 + slant), (28, 72)], np.float64),
        np.array([(180, 100), (290, 90), (292, 130), (182, 142)], np.float64),
        np.array([(40, 120), (110, 120), (110, 135), (40, 135)], np.float64),
    )
    np.save(path, np.zeros((180, 320, 3), np.uint8))
    return AnnotatedImage(path, polygons, np.array([False, False, True]), ("one", "two", "###"))
