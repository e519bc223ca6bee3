"""The convergence measurement in one rank: train from random weights, or resume, and evaluate in between.

Rank 0 evaluates on the held-out split and writes a checkpoint after each evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.protocol.events import Alive, Scored
from benchmarks.harness.protocol.parameters import ConvergenceParameters, evaluation_steps
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.protocol.reports import ConvergenceReport, Score
from benchmarks.harness.protocol.stages import EVALUATION, TRAINING
from benchmarks.harness.worker.backends import without_search
from benchmarks.harness.worker.clock import StepClock
from benchmarks.harness.worker.probes.rank_report import rank_report
from benchmarks.harness.worker.probes.training import TrainingWatch
from benchmarks.harness.worker.rank import Measured
from benchmarks.harness.worker.resuming import restore
from benchmarks.harness.worker.samples import draw_samples
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.step_log import StepLog
from benchmarks.harness.worker.training_state import (
    TO_TRAIN_ANEW,
    Checkpoint,
    TrainingIdentity,
    TrainingState,
    resumable_checkpoint,
    save,
    state_of,
)
from ocr_models.checkpoint import CheckpointError
from ocr_models.task import Evaluation

CHECKPOINT = "checkpoint.pt"


def measure_convergence(set_up: SetUp) -> Measured:
    """Train `plan.steps` steps with the task's schedule. Raises CheckpointError if it cannot resume as asked."""
    plan, task = set_up.plan, set_up.task
    parameters = plan.parameters_as(ConvergenceParameters)
    assert task.evaluation is not None, "a model with a convergence goal has an evaluation"
    held_out = task.read_data(Path(plan.data or ""), parameters.split)
    evaluation = task.evaluation(held_out)
    digests = set_up.data.digest(), held_out.digest()
    identity = training_identity(set_up, parameters, "".join(digests))
    folder = Path(parameters.folder)
    checkpoint = None
    if parameters.resume:
        checkpoint = resumable_checkpoint(folder / CHECKPOINT, identity, plan.steps, parameters)
    trainer = set_up.trainer(task.schedule(plan.total_steps))
    state = TrainingState() if checkpoint is None else resumed_state(set_up, checkpoint)
    batches = set_up.batches(state.step)
    if checkpoint is not None:
        restore(trainer, checkpoint)  # last: starting the loader draws from torch's random generator
    log = StepLog(set_up.events, trainer, plan.steps, state.step)

    def take(record: StepRecord) -> None:
        log(record)
        keep_losses(state, record.losses)
        state.skipped_steps += record.skipped

    clock = StepClock(set_up.device, plan.steps, take, state.step, trainer.scaler.get_scale())
    watch, skipped_before = TrainingWatch(set_up, trainer, state.step), state.skipped_steps
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
    own = ConvergenceReport(
        held_out_samples=evaluation.samples,
        held_out_is_training=digests[0] == digests[1],
        losses=state.losses,
        scores=state.scores,
        resumed_at=state.resumed_at,
        skipped_before=skipped_before,
    )
    report = rank_report(set_up, watch, len(log.records), held_out)
    if set_up.rank == 0:  # last of all: whatever goes wrong in it, the figures are there
        set_up.events.write(Alive())
        draw_samples(plan.case.model, task, held_out, folder)
    return Measured(state.training_seconds, tuple(log.records), report, own)


def keep_losses(state: TrainingState, losses: Mapping[str, float | None]) -> None:
    """Of one step. Raises CheckpointError if the steps before an interruption had others."""
    kept = {name: value for name, value in losses.items() if value is not None}
    if state.resumed_at and kept.keys() != state.losses[-1].keys():
        raise CheckpointError(f"{CHECKPOINT} has not the losses {', '.join(kept)}; {TO_TRAIN_ANEW}")
    state.losses.append(kept)


def evaluate(set_up: SetUp, evaluation: Evaluation, state: TrainingState, folder: Path) -> None:
    """Evaluate on the held-out split, into `folder`; keep and report the score."""
    set_up.begin(EVALUATION)
    set_up.position.stage = "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    with without_search():
        figures = evaluation.score(folder, lambda: set_up.events.write(Alive()))
    check_figures(figures, set_up.plan.parameters_as(ConvergenceParameters).metric)
    state.scores.append(Score(state.step, state.training_seconds, figures))
    set_up.events.write(Scored(state.scores[-1]))
    shown = " ".join(f"{name}: {value:.6f}" for name, value in figures.items())
    print(f"evaluation after step {state.step}/{set_up.plan.steps} {shown}", flush=True)


def check_figures(figures: Mapping[str, float], metric: str) -> None:
    """Raises ValueError if an evaluation does not yield the score that is asked for, or one that is not from 0 to 1."""
    if metric not in figures:
        raise ValueError(f"the evaluation yields {', '.join(figures) or 'nothing'}, not {metric}")
    for name, value in figures.items():
        if not 0 <= value <= 1:  # NaN, too
            raise ValueError(f"the evaluation yields {name} {value}, not a score from 0 to 1")


def training_identity(set_up: SetUp, parameters: ConvergenceParameters, data: str) -> TrainingIdentity:
    """Of this run. `data` is the digest of both splits."""
    plan = set_up.plan
    return {
        "case": str(plan.case),
        "seed": plan.seed,
        "steps": plan.steps,
        "image_size": plan.image_size,
        "evaluations": parameters.evaluations,
        "compile_mode": plan.compile_mode,
        "data": data,
    }


def resumed_state(set_up: SetUp, checkpoint: Checkpoint) -> TrainingState:
    """How far the training had come. Reports its scores again, for this run's artifact."""
    state = state_of(checkpoint)
    for score in state.scores:
        set_up.events.write(Scored(score))
    set_up.position.step = state.step
    if set_up.rank == 0:
        print(f"resuming after step {state.step}/{set_up.plan.steps}", flush=True)
    return state
