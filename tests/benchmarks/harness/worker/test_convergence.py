"""A training that is interrupted and resumed. Whole convergence cases run in `tests/end_to_end`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import MultiStepLR

from benchmarks.harness.protocol.events import EventWriter, RankEvents
from benchmarks.harness.protocol.parameters import ConvergenceParameters
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.convergence import (
    TrainingIdentity,
    TrainingState,
    evaluate,
    evaluation_steps,
    restore,
    resumable_checkpoint,
    resumed_state,
    save,
    training_identity,
)
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.trainer import Trainer
from ocr_models.checkpoint import CheckpointError
from ocr_models.task import Evaluation
from samples import CONVERGENCE_CASE, planned_run, scores

IDENTITY: TrainingIdentity = {"case": CONVERGENCE_CASE, "seed": 0, "steps": 160, "image_size": 320, "data": "abc"}


def trainer() -> Trainer:
    """SGD with momentum, a rate that falls in steps, and a gradient scaler, as in the official recipe."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-1, momentum=0.99, weight_decay=5e-4, fused=True)
    made = SimpleNamespace(
        case=planned_run(CONVERGENCE_CASE).case,
        model=model,
        optimizer=optimizer,
        schedule=MultiStepLR(optimizer, [2, 4], gamma=0.1),
        scaler=torch.amp.GradScaler("cpu"),
    )
    return cast(Trainer, made)


def train(made: Trainer, steps: range) -> Tensor:
    """Noisy steps; step 1 overflows and halves the scale. Returns the weights."""
    assert made.schedule is not None
    for step in steps:
        inputs = torch.full((1, 3), float("inf")) if step == 1 else torch.rand(1, 3) + step
        made.scaler.scale(made.model(inputs).sum()).backward()
        made.scaler.step(made.optimizer)
        made.scaler.update()
        made.optimizer.zero_grad()
        made.schedule.step()
    weight = made.model.weight
    assert isinstance(weight, Tensor)
    return weight.detach()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Of a training that was interrupted after 32 of 160 steps."""
    path = tmp_path / "checkpoint.pt"
    state = TrainingState(step=32, training_seconds=40.0, losses=[{"loss": 0.5}] * 32, scores=scores(0.1, 0.2))
    save(trainer(), state, IDENTITY, 320, path)
    return path


@pytest.fixture
def set_up(tmp_path: Path) -> Iterator[SetUp]:
    """Of rank 0."""
    events = EventWriter(tmp_path, 0)
    run = planned_run(CONVERGENCE_CASE, "convergence", output=tmp_path)
    made = SimpleNamespace(
        plan=run.plan, rank=0, events=events, position=Position(), begin=lambda phase: None, case=run.case
    )
    yield cast(SetUp, made)
    events._file.close()


def test_evaluations_are_spread_over_the_steps_and_one_follows_the_last_step() -> None:
    assert evaluation_steps(160, 10) == [16, 32, 48, 64, 80, 96, 112, 128, 144, 160]
    assert evaluation_steps(160, 10, done=96) == [112, 128, 144, 160]
    assert evaluation_steps(3, 10) == [1, 2, 3]
    assert evaluation_steps(160, 10, done=160) == []


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    """Optimiser, schedule, scaler and random state continue, through the file of a checkpoint."""
    path = tmp_path / "checkpoint.pt"
    straight, interrupted, resumed = trainer(), trainer(), trainer()
    torch.manual_seed(1)
    expected = train(straight, range(6))
    torch.manual_seed(1)
    train(interrupted, range(3))
    save(interrupted, TrainingState(step=3), IDENTITY, 320, path)
    torch.manual_seed(2)
    found = resumable_checkpoint(path, IDENTITY, steps=160)
    assert found is not None
    restore(resumed, found)
    assert resumed.scaler.get_scale() == 2.0**15
    assert torch.equal(train(resumed, range(3, 6)), expected)


def test_without_a_checkpoint_the_training_begins(tmp_path: Path) -> None:
    assert resumable_checkpoint(tmp_path / "checkpoint.pt", IDENTITY, steps=160) is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 1}, "checkpoint.pt is of another training: seed 0 instead of 1; run without --ocr-resume"),
        ({"steps": 20, "data": "x"}, "steps 160 instead of 20, data abc instead of x"),
        ({"nodes": 2}, "nodes None instead of 2"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(checkpoint: Path, other: TrainingIdentity, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        resumable_checkpoint(checkpoint, {**IDENTITY, **other}, steps=160)


def test_a_checkpoint_of_a_finished_training_is_refused(checkpoint: Path) -> None:
    assert resumable_checkpoint(checkpoint, IDENTITY, steps=160) is not None
    with pytest.raises(CheckpointError, match="of a finished training; run without --ocr-resume to train anew"):
        resumable_checkpoint(checkpoint, IDENTITY, steps=32)


def test_a_damaged_checkpoint_is_refused(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="not a checkpoint that can be read safely"):
        resumable_checkpoint(checkpoint, IDENTITY, steps=160)


def test_a_resumed_training_knows_its_curve_and_reports_its_scores_again(
    checkpoint: Path, set_up: SetUp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = resumable_checkpoint(checkpoint, IDENTITY, steps=160)
    assert found is not None
    state = resumed_state(set_up, found)
    assert (state.step, state.training_seconds, len(state.losses), state.resumed_at) == (32, 40.0, 32, [32])
    assert set_up.position.step == 32
    events = RankEvents(0)
    events.poll(tmp_path)
    assert events.scores == state.scores == scores(0.1, 0.2)
    assert capsys.readouterr().out == "resuming after step 32/160\n"


def test_an_evaluation_is_kept_reported_and_printed(
    set_up: SetUp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def score(folder: Path, progress: Any) -> dict[str, float]:
        assert folder.is_dir()
        progress()
        return {"hmean": 0.25}

    state = TrainingState(step=16, training_seconds=20.0)
    evaluate(set_up, Evaluation(30, score), state, tmp_path / "kept")
    events = RankEvents(0)
    events.poll(tmp_path)
    assert events.scores == state.scores
    assert [(each.step, each.training_seconds, each.figures) for each in state.scores] == [(16, 20.0, {"hmean": 0.25})]
    assert events.signs == 2  # a sign of life per sample, and the score
    assert capsys.readouterr().out == "evaluation after step 16/160 hmean: 0.250000\n"


def test_a_training_is_identified_by_everything_that_its_curve_depends_on(set_up: SetUp) -> None:
    parameters = set_up.plan.parameters_as(ConvergenceParameters)
    assert training_identity(set_up, parameters, "abc") == {
        "case": CONVERGENCE_CASE,
        "seed": 0,
        "steps": 160,
        "image_size": 320,
        "evaluations": 10,
        "data": "abc",
    }
