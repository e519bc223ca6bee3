"""How far a convergence training has come, and the checkpoint that keeps it. It is checked when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from msgspec import Struct
from torch import Tensor

from benchmarks.harness.protocol.parameters import ConvergenceParameters, evaluation_steps
from benchmarks.harness.protocol.quantities import Count, Pixels, PositiveCount, PositiveSeconds
from benchmarks.harness.protocol.reports import Score
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.checkpoint import CheckpointError, is_finite, is_plain, load_checkpoint, save_checkpoint
from ocr_models.errors import shown

TrainingIdentity = dict[str, str | int | None]
"""What must be the same in a run that resumes a training, so that the curve is that of one training."""

TO_TRAIN_ANEW = "run without --ocr-resume to train anew"


class TrainingState(Struct):
    """How far a training has come.

    Attributes:
        step: steps done.
        training_seconds: of this rank, without evaluations and checkpoints.
        losses: of each step of this rank.
        scores: of each evaluation.
        resumed_at: steps after which the training was interrupted and resumed.
        skipped_steps: steps that the gradient scaler skipped.
    """

    step: int = 0
    training_seconds: float = 0.0
    losses: list[dict[str, float]] = []
    scores: list[Score] = []
    resumed_at: list[int] = []
    skipped_steps: int = 0


class Progress(Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a `TrainingState`, but for the losses."""

    step: PositiveCount
    training_seconds: PositiveSeconds
    scores: list[Score]
    resumed_at: list[PositiveCount]
    skipped_steps: Count


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a resumed training needs to continue as if it had not been interrupted.

    `model`, `image_size` and `state_dict` are enough to use the trained network (`python -m ocr_models.show`).
    `losses`: name -> that loss in each step, (steps,) float64.
    """

    model: str
    image_size: Pixels | None
    state_dict: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    scaler: dict[str, Any]
    random_state: Tensor
    progress: Progress
    losses: dict[str, Tensor]
    identity: TrainingIdentity


def save(
    trainer: Trainer, state: TrainingState, identity: TrainingIdentity, image_size: int | None, path: Path
) -> None:
    """Write the checkpoint. Raises OSError if it cannot be written."""
    assert trainer.schedule is not None
    names = list(state.losses[0]) if state.losses else []
    checkpoint = Checkpoint(
        model=trainer.case.model,
        image_size=image_size,
        state_dict=trainer.model.state_dict(),
        optimizer=trainer.optimizer.state_dict(),
        schedule=trainer.schedule.state_dict(),
        scaler=trainer.scaler.state_dict(),
        random_state=torch.get_rng_state(),
        progress=Progress(state.step, state.training_seconds, state.scores, state.resumed_at, state.skipped_steps),
        losses={name: torch.tensor([losses[name] for losses in state.losses], dtype=torch.float64) for name in names},
        identity=identity,
    )
    content = {name: getattr(checkpoint, name) for name in checkpoint.__struct_fields__}
    save_checkpoint(path, {**content, "progress": msgspec.to_builtins(checkpoint.progress)})


def resumable_checkpoint(
    path: Path, identity: TrainingIdentity, steps: int, parameters: ConvergenceParameters
) -> Checkpoint | None:
    """The checkpoint to resume from; None if there is none. `steps` is the number of steps of the whole training.

    Raises:
        CheckpointError: if it cannot be read, is damaged, of another training, or of a finished one.
    """
    try:
        content = load_checkpoint(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror or error}; {TO_TRAIN_ANEW}") from error
    try:
        checkpoint = msgspec.convert(content, Checkpoint)
    except Exception as error:  # msgspec fails in its own ways on tensors in place of other values
        raise CheckpointError(f"{path.name} is not a checkpoint of a training: {shown(error)}") from error
    if differing := _another_training(checkpoint.identity, identity):
        raise CheckpointError(f"{path.name} is of another training: {differing}; run without --ocr-resume")
    if checkpoint.progress.step >= steps:
        raise CheckpointError(f"{path.name} is of a finished training; {TO_TRAIN_ANEW}")
    if problem := _odd_progress(checkpoint, evaluation_steps(steps, parameters.evaluations), parameters.metric):
        raise CheckpointError(f"{path.name} contradicts itself: {problem}; {TO_TRAIN_ANEW}")
    return checkpoint


def _another_training(found: TrainingIdentity, identity: TrainingIdentity) -> str:
    return ", ".join(
        f"{name} {shown(found.get(name), 100)} instead of {value}"
        for name, value in identity.items()
        if found.get(name) != value
    )


def _odd_progress(checkpoint: Checkpoint, stops: Sequence[int], metric: str) -> str | None:
    """What cannot be in a checkpoint of a training that is evaluated after the steps `stops`; None if all is well."""
    progress, step, identity = checkpoint.progress, checkpoint.progress.step, checkpoint.identity
    seconds = [score.training_seconds for score in progress.scores]
    if checkpoint.model != str(identity.get("case")).partition("_")[0]:
        return f"its model is {shown(checkpoint.model, 100)}, its case {identity.get('case')}"
    if checkpoint.image_size != identity.get("image_size"):
        return f"its image size is {checkpoint.image_size}, that of its training {identity.get('image_size')}"
    if step not in stops:
        return f"the training is not evaluated after step {step}"
    if [score.step for score in progress.scores] != [stop for stop in stops if stop <= step]:
        return f"it does not have one score of each evaluation until step {step}"
    if not all(metric in score.figures for score in progress.scores):
        return f"a score has no {metric}"
    if any(score.figures.keys() != progress.scores[0].figures.keys() for score in progress.scores):
        return "its scores have different names"
    if seconds != sorted(seconds) or seconds[-1] != progress.training_seconds:
        return "the seconds of its scores do not rise to the seconds of the training"
    if progress.resumed_at != sorted({stop for stop in progress.resumed_at if stop in stops and stop < step}):
        return f"the training cannot have been resumed after these steps: {shown(progress.resumed_at, 100)}"
    if progress.skipped_steps > step:
        return f"{progress.skipped_steps} of {step} steps were skipped"
    return _odd_losses(checkpoint.losses, step)


def _odd_losses(losses: dict[str, Tensor], step: int) -> str | None:
    if "loss" not in losses:
        return "it has no loss"
    for name, values in losses.items():
        if not is_plain(values) or values.dtype != torch.float64 or values.shape != (step,):
            return f"{shown(name, 100)} is not one number for each of {step} steps"
        if not is_finite(values):
            return f"{shown(name, 100)} is not finite in every step"
    return None


def state_of(checkpoint: Checkpoint) -> TrainingState:
    """How far the training had come."""
    progress, losses = checkpoint.progress, checkpoint.losses
    columns = [values.tolist() for values in losses.values()]
    return TrainingState(
        step=progress.step,
        training_seconds=progress.training_seconds,
        losses=[dict(zip(losses, row, strict=True)) for row in zip(*columns, strict=True)],
        scores=list(progress.scores),
        resumed_at=[*progress.resumed_at, progress.step],
        skipped_steps=progress.skipped_steps,
    )
