"""From a checkpoint to a training that continues: what does not fit the training is refused before anything is loaded.

Model, optimizer and schedule say what they expect: the optimizer makes one step on a copy without gradients, and the
schedule is repeated on it. So a checkpoint is compared with all that can be known without training.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from benchmarks.harness.worker.trainer import Trainer
from benchmarks.harness.worker.training_state import TO_TRAIN_ANEW, Checkpoint, Progress
from ocr_models.checkpoint import CheckpointError, is_finite, is_plain, weights_misfit
from ocr_models.errors import shown

State = dict[str, Any]


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Load weights, optimizer, schedule, scaler and random state.

    Raises:
        CheckpointError: if one of them does not fit. Then nothing was loaded.
    """
    assert trainer.schedule is not None
    misfit = _misfit(trainer, checkpoint)
    if misfit is not None:
        raise CheckpointError(f"the checkpoint does not fit the training: {misfit}; {TO_TRAIN_ANEW}")
    trainer.model.load_state_dict(checkpoint.state_dict)
    load_optimizer(trainer.optimizer, checkpoint.optimizer)
    _adapt_memory_formats(trainer.optimizer)
    trainer.schedule.load_state_dict(checkpoint.schedule)
    trainer.scaler.load_state_dict(checkpoint.scaler)
    torch.set_rng_state(checkpoint.random_state)


def load_optimizer(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Torch leaves a setting that is a tensor, such as a learning rate, where the checkpoint has it: on the CPU. Each
    step would copy it to a GPU, from pageable memory.
    """
    places = [
        {name: each.device for name, each in group.items() if isinstance(each, Tensor)}
        for group in optimizer.param_groups
    ]
    optimizer.load_state_dict(state)
    for group, devices in zip(optimizer.param_groups, places, strict=True):
        group.update({name: group[name].to(device) for name, device in devices.items()})


def _adapt_memory_formats(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the memory format of its parameter, which may be another one than when the checkpoint was written.

    Fused optimizers combine values by their place in memory: with another format, those of different weights.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _misfit(trainer: Trainer, checkpoint: Checkpoint) -> str | None:
    """The first thing that does not fit, one line; None if all fits."""
    weights = weights_misfit(trainer.model.state_dict(), checkpoint.state_dict, same_type=True)
    if weights is not None:
        return f"weights: {weights}"
    optimizer, schedule = _expected(trainer, checkpoint.progress.step)
    return (
        difference("schedule", schedule, checkpoint.schedule)
        or difference("optimizer", optimizer["param_groups"], checkpoint.optimizer.get("param_groups"))
        or _optimizer_misfit(optimizer["state"], checkpoint.optimizer.get("state"), checkpoint.progress)
        or _scaler_misfit(trainer.scaler.state_dict(), checkpoint.scaler)
        or _random_state_misfit(checkpoint.random_state)
    )


def _expected(trainer: Trainer, steps: int) -> tuple[State, State]:
    """State of optimizer and schedule after some steps; the numbers of the optimizer's tensors are not those."""
    optimizer, schedule = copy.deepcopy((trainer.optimizer, trainer.schedule))
    assert schedule is not None
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about schedules without an optimizer's steps
        optimizer.step()
        for _ in range(steps):
            schedule.step()
    return optimizer.state_dict(), schedule.state_dict()


def difference(name: str, expected: object, found: object) -> str | None:
    """Where two nested values differ, one line; None if they are equal, in type as well."""
    if isinstance(expected, Tensor):
        same = _is_like(expected, found) and torch.equal(expected.cpu(), cast("Tensor", found))
        return None if same else f"{name} is not what it must be after these steps"
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        if expected.keys() != found.keys():
            return f"{name} has other entries than {', '.join(map(str, expected))}"
        pairs = [(f"{name}: {key}", value, found[key]) for key, value in expected.items()]
    elif isinstance(expected, list | tuple) and type(found) is type(expected):
        if len(expected) != len(found):
            return f"{name} has {len(found)} entries instead of {len(expected)}"
        pairs = [(name, *values) for values in zip(expected, found, strict=True)]
    else:
        same = type(found) is type(expected) and found == expected
        return None if same else f"{name} is {_described(found)} instead of {_described(expected)}"
    return next((line for pair in pairs if (line := difference(*pair)) is not None), None)


def _described(value: object) -> str:
    simple = value is None or isinstance(value, str | int | float)
    return shown(value, 60) if simple else type(value).__name__


def _optimizer_misfit(expected: State, found: object, progress: Progress) -> str | None:
    """A parameter without a gradient has no state. All numbers of the others must be there, and finite.

    If every step was skipped, some optimizers have no state yet. State that was made in a skipped step counts no step.
    """
    steps, least = progress.step - progress.skipped_steps, int(progress.skipped_steps == 0)
    missing = bool(expected) and steps > 0 and not found
    if not isinstance(found, dict) or missing or not found.keys() <= expected.keys():
        return "optimizer: it has not the state of these parameters"
    for key, values in found.items():
        like = expected[key]
        if not isinstance(values, dict) or values.keys() != like.keys():
            return f"optimizer: the state of parameter {key} has not the entries {', '.join(map(str, like))}"
        for name, value in values.items():
            if not _is_like(like[name], value):
                return f"optimizer: {name} of parameter {key} has another type or shape, or is not finite"
            if name == "step" and not least <= float(value) <= steps:
                return f"optimizer: parameter {key} has made {float(value):g} of {steps} steps"
            if name.endswith("_sq") and (value < 0).any():
                return f"optimizer: {name} of parameter {key} is negative, which no square is"
    return None


def _is_like(expected: object, found: object) -> bool:
    if isinstance(expected, Tensor):
        if not isinstance(found, Tensor) or not is_plain(found):
            return False
        return (expected.dtype, expected.shape) == (found.dtype, found.shape) and is_finite(found)
    return type(found) is type(expected) and (not isinstance(found, float) or math.isfinite(found))


def _scaler_misfit(expected: State, found: State) -> str | None:
    """The scale and its counter change while a training runs; the rest is fixed."""
    changing: State = {name: found.get(name) for name in ("scale", "_growth_tracker") if name in expected}
    if changing:
        scale, counter = changing.values()
        if type(scale) is not float or not 0 < scale < math.inf or type(counter) is not int or counter < 0:
            return f"scaler: its scale is {_described(scale)} after {_described(counter)} good steps"
    return difference("scaler", {**expected, **changing}, found)


def _random_state_misfit(found: Tensor) -> str | None:
    expected = torch.get_rng_state()
    if not is_plain(found) or (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return "the state of the random numbers has another type or shape"
    try:
        torch.Generator().set_state(found)
    except RuntimeError:
        return "the state of the random numbers is damaged"
    return None
