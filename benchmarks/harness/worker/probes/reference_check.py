"""Whether a case trains what it should: one step on fixed weights and a fixed batch, compared with the reference.

A step that omits a term of the loss, detaches a branch or learns shifted labels may be fast. So each speed case takes,
untimed and in its own precision, a step whose losses and gradient are known from float64. For a compiled case,
`graph_check.py` then compares the compiled step with this one.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from benchmarks.cases import Case
from benchmarks.harness.protocol.reference import COUNT, TOLERANCES, deviation
from benchmarks.harness.protocol.reports import ReferenceCheck
from benchmarks.harness.protocol.stages import PROBES, Position
from benchmarks.harness.worker.backends import without_search
from benchmarks.harness.worker.trainer import Trainer
from ocr_models import MODELS
from ocr_models.task import Batch, TrainingTask, build_task

SEED = 0
MAX_SCALINGS = 24  # the scale of a gradient scaler starts at 2^16 and is halved after each overflow


class NoReferenceError(ValueError):
    """The task of a model has no reference batch: one line."""


def reference_check(case: Case, device: torch.device, *, compiled: bool = False) -> ReferenceCheck | None:
    """The figures of a case's step compared with those of its model. None if the model has none; then one line in the
    train log names the command that computes them.

    The step is not compiled unless `compiled` says so: then a graph is compiled for it.
    """
    task = _build(case.model, device, case.precision)
    if task.reference is None or task.reference.figures is None:
        print(
            f"{case.model} has no reference figures, so its step is not checked; "
            f"`python -m benchmarks.reference_check {case.model}` computes them",
            file=sys.stderr,
            flush=True,
        )
        return None
    alone = replace(case, mode="sp", batch_size=case.batch_size_per_process, processes=1, compile=compiled)
    task.reference.fix_weights(task.model)
    trainer = Trainer(task, alone, device, Position(stage=PROBES))
    with without_search():  # its shapes are used once; the search took 5 to 10 s on an H200
        figures, expected = step_figures(trainer, task.reference.batch()), task.reference.figures
    return ReferenceCheck(
        figures={name: value if math.isfinite(value) else None for name, value in figures.items()},
        reference=dict(expected),
        deviation={name: deviation(figures.get(name), expected[name]) for name in expected if name != COUNT},
        tolerance=TOLERANCES[case.precision],
        compiled=compiled,
    )


def has_reference_figures(task: TrainingTask) -> bool:
    """Whether it is known what a step of the task must compute."""
    return task.reference is not None and task.reference.figures is not None


def reference_figures(model: str) -> dict[str, float]:
    """The figures of a model's step in float64 on the CPU: its reference.

    Raises:
        NoReferenceError: if the task of the model has no reference batch.
    """
    device = torch.device("cpu")
    task = _build(model, device, "fp32")
    if task.reference is None:
        raise NoReferenceError(
            f"{model}: its training task has no `reference`; give it one with fix_weights and batch, figures=None"
        )
    task.reference.fix_weights(task.model)
    task.model.double()
    exact = replace(task, prepare=InFloat64(task.prepare))
    batch = task.reference.batch()
    case = Case(model, "sp", len(batch[0]), "fp32", device="cpu")
    return step_figures(Trainer(exact, case, device, Position()), batch)


def _build(model: str, device: torch.device, precision: str) -> TrainingTask:
    sizes = MODELS[model].image_sizes
    image_size = None if sizes is None else sizes.reference
    builder = MODELS[model].load_task_builder()
    return build_task(builder, image_size=image_size, seed=SEED, device=device, precision=precision)


def step_figures(trainer: Trainer, batch: Batch) -> dict[str, float]:
    """Every loss, `gradient_norm` over all parameters, the number of `parameters` with a gradient, and `targets`."""
    means = take_step(trainer, batch)
    count = sum(parameter.grad is not None for parameter in trainer.model.parameters())
    targets = weighted_mean(trainer.targets(batch))
    return means | {"gradient_norm": gradient_norm(trainer.model), COUNT: count, "targets": targets}


def take_step(trainer: Trainer, batch: Batch) -> dict[str, float]:
    """A step without its optimiser -> the mean of every loss. The parameters then hold the gradients, not scaled."""
    for _ in range(MAX_SCALINGS):
        losses = trainer.backward(batch)
        trainer.scaler.unscale_(trainer.optimizer)
        if not trainer.scaler.is_enabled() or math.isfinite(gradient_norm(trainer.model)):
            break
        trainer.scaler.step(trainer.optimizer)  # as in training: a step that overflows is skipped and halves the scale
        trainer.scaler.update()
        trainer.optimizer.zero_grad(set_to_none=True)
    return {name: float(values.detach().mean()) for name, values in losses.items() if name.startswith("loss")}


def gradient_norm(model: nn.Module) -> float:
    """Over all parameters, computed in float64; 0 if none has a gradient."""
    norms = [parameter.grad.double().norm() for parameter in model.parameters() if parameter.grad is not None]
    return float(torch.stack(norms).norm()) if norms else 0.0


def weighted_mean(targets: Any) -> float:
    """A number that changes if the contents of the target maps (..., H, W) move: their mean, weighted by waves.

    The waves of each map have another phase, so that changes of several maps do not cancel each other.
    """
    total = 0.0
    for number, each in enumerate(tree_leaves(targets)):
        rows, columns = (torch.linspace(0, 1, size, dtype=torch.float64) for size in (1, 1, *each.shape)[-2:])
        phase = 2 * number
        weights = 2 + torch.sin(9 * rows + phase)[:, None] + torch.cos(9 * columns + phase)  # (H, W)
        total += float((each.double().cpu() * weights).mean())
    return total


class InFloat64(nn.Module):
    """A task's preparation of batches, with inputs in float64: rounding is far below any difference that matters."""

    def __init__(self, prepare: nn.Module) -> None:
        super().__init__()
        self.prepare = prepare

    def forward(self, batch: Batch) -> tuple[Any, Any]:
        inputs, targets = self.prepare(batch)
        return tree_map(_as_double, inputs), targets


def _as_double(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
