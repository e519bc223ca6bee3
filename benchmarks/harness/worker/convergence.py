"""The convergence measurement in one rank: train from random weights, or resume, and evaluate in between.

Rank 0 evaluates on the held-out split and writes a checkpoint after each evaluation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict, cast

import msgspec
import torch
from msgspec import Struct
from torch import Tensor

from benchmarks.harness.protocol.events import Alive, Scored
from benchmarks.harness.protocol.parameters import ConvergenceParameters
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.protocol.reports import ConvergenceReport, Score
from benchmarks.harness.protocol.stages import EVALUATION, TRAINING
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from ocr_models.task import Evaluation

CHECKPOINT = "checkpoint.pt"


TrainingIdentity = dict[str, str | int | None]
"""What must be the same in a run that resumes a training, so that the curve is that of one training."""


class Checkpoint(TypedDict):
    """Everything that a resumed training needs to continue as if it had not been interrupted.

    `model`, `image_size` and `state_dict` are enough to use the trained network (`python -m ocr_models.psenet.show`).
    """

    model: str
    image_size: int | None
    state_dict: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    scaler: dict[str, Any]
    random_state: Tensor
    progress: dict[str, Any]
    identity: TrainingIdentity


class TrainingState(Struct):
    """How far a training has come. A checkpoint holds it.

    Attributes:
        step: steps done.
        training_seconds: of this rank, without evaluations and checkpoints.
        losses: of each step of this rank.
        scores: of each evaluation.
        resumed_at: steps after which the training was interrupted and resumed.
    """

    step: int = 0
    training_seconds: float = 0.0
    losses: list[dict[str, float]] = []
    scores: list[Score] = []
    resumed_at: list[int] = []


def measure_convergence(set_up: SetUp) -> Measured:
    """Train `plan.steps` steps with the task's schedule. Raises CheckpointError if it cannot resume as asked."""
    plan, task = set_up.plan, set_up.task
    parameters = plan.parameters_as(ConvergenceParameters)
    assert task.evaluation is not None, "a model with a convergence goal has an evaluation"
    held_out = task.read_data(Path(plan.data or ""), "test")
    evaluation = task.evaluation(held_out)
    identity = training_identity(set_up, parameters, f"{set_up.data.digest()}{held_out.digest()}")
    folder = Path(parameters.folder)
    checkpoint = resumable_checkpoint(folder / CHECKPOINT, identity, plan.steps) if parameters.resume else None
    trainer = set_up.trainer(task.schedule(plan.total_steps))
    state = TrainingState() if checkpoint is None else resumed_state(set_up, checkpoint)
    batches = set_up.batches(state.step)
    if checkpoint is not None:
        restore(trainer, checkpoint)  # last: starting the loader draws from torch's random generator
    log = StepLog(set_up.events, trainer, plan.steps, state.step)

    def take(record: StepRecord) -> None:
        log(record)
        state.losses.append({name: value for name, value in record.losses.items() if value is not None})

    clock = StepClock(set_up.device, plan.steps, take, state.step)
    for stop in evaluation_steps(plan.steps, parameters.evaluations, state.step):
        set_up.begin(TRAINING)
        set_up.group.barrier()
        clock.begin(warmup=False)
        trainer.run(batches, stop - state.step, clock)
        state.training_seconds += clock.finish()
        state.step = stop
        if set_up.rank == 0:
            evaluate(set_up, evaluation, state, folder)
            save(trainer, state, identity, plan.image_size, folder / CHECKPOINT)
        else:
            set_up.position.stage = "waiting for rank 0"  # so that a hang is not attributed to this rank
    own = ConvergenceReport(evaluation.samples, state.losses, state.scores, state.resumed_at)
    return Measured(state.training_seconds, tuple(log.records), rank_report(set_up), own)


def evaluation_steps(steps: int, evaluations: int, done: int = 0) -> list[int]:
    """The steps after which to evaluate, evenly spread, the last step included; those up to `done` left out."""
    spread = {steps * number // evaluations for number in range(1, evaluations + 1)}
    return sorted(step for step in spread if step > done)


def evaluate(set_up: SetUp, evaluation: Evaluation, state: TrainingState, folder: Path) -> None:
    """Evaluate on the held-out split, into `folder`; keep and report the score."""
    set_up.begin(EVALUATION)
    set_up.position.stage = "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    figures = evaluation.score(folder, lambda: set_up.events.write(Alive()))
    state.scores.append(Score(state.step, state.training_seconds, figures))
    set_up.events.write(Scored(state.scores[-1]))
    shown = " ".join(f"{name}: {value:.6f}" for name, value in figures.items())
    print(f"evaluation after step {state.step}/{set_up.plan.steps} {shown}", flush=True)


def training_identity(set_up: SetUp, parameters: ConvergenceParameters, data: str) -> TrainingIdentity:
    """Of this run. `data` is the digest of both splits."""
    plan = set_up.plan
    return {
        "case": str(plan.case),
        "seed": plan.seed,
        "steps": plan.steps,
        "image_size": plan.image_size,
        "evaluations": parameters.evaluations,
        "data": data,
    }


def save(
    trainer: Trainer, state: TrainingState, identity: TrainingIdentity, image_size: int | None, path: Path
) -> None:
    """Write the checkpoint. Raises OSError if it cannot be written."""
    assert trainer.schedule is not None
    checkpoint = Checkpoint(
        model=trainer.case.model,
        image_size=image_size,
        state_dict=trainer.model.state_dict(),
        optimizer=trainer.optimizer.state_dict(),
        schedule=trainer.schedule.state_dict(),
        scaler=trainer.scaler.state_dict(),
        random_state=torch.get_rng_state(),
        progress=msgspec.to_builtins(state),
        identity=identity,
    )
    save_checkpoint(path, checkpoint)


def resumable_checkpoint(path: Path, identity: TrainingIdentity, steps: int) -> Checkpoint | None:
    """The checkpoint to resume from; None if there is none.

    Raises:
        CheckpointError: if it is damaged, of another training, or of a finished one.
    """
    if not path.exists():
        return None
    checkpoint = cast("Checkpoint", load_checkpoint(path))
    found = checkpoint.get("identity", {})
    differing = [
        f"{name} {found.get(name)} instead of {value}" for name, value in identity.items() if found.get(name) != value
    ]
    if differing:
        raise CheckpointError(f"{path.name} is of another training: {', '.join(differing)}; run without --ocr-resume")
    if checkpoint["progress"]["step"] == steps:
        raise CheckpointError(f"{path.name} is of a finished training; run without --ocr-resume to train anew")
    return checkpoint


def resumed_state(set_up: SetUp, checkpoint: Checkpoint) -> TrainingState:
    """How far the training had come. Reports its scores again, for this run's artifact."""
    state = msgspec.convert(checkpoint["progress"], TrainingState)
    state.resumed_at.append(state.step)
    for score in state.scores:
        set_up.events.write(Scored(score))
    set_up.position.step = state.step
    if set_up.rank == 0:
        print(f"resuming after step {state.step}/{set_up.plan.steps}", flush=True)
    return state


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Load weights, optimiser, schedule, scaler and random state."""
    assert trainer.schedule is not None
    trainer.model.load_state_dict(checkpoint["state_dict"])
    trainer.optimizer.load_state_dict(checkpoint["optimizer"])
    trainer.schedule.load_state_dict(checkpoint["schedule"])
    trainer.scaler.load_state_dict(checkpoint["scaler"])
    torch.set_rng_state(checkpoint["random_state"])
