"""A training that is interrupted and resumed. Whole convergence cases run in `tests/end_to_end`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from benchmarks.harness.protocol.events import EventWriter, RankEvents
from benchmarks.harness.protocol.parameters import ConvergenceParameters, evaluation_steps
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.convergence import evaluate, keep_losses, resumed_state, training_identity
from benchmarks.harness.worker.set_up import SetUp
from benchmarks.harness.worker.training_state import TrainingState, resumable_checkpoint, save
from ocr_models.checkpoint import CheckpointError
from ocr_models.task import Evaluation
from samples import CONVERGENCE_CASE, planned_run, scores
from trainings import IDENTITY, PARAMETERS, interrupted, small_trainer


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


def test_a_resumed_training_knows_its_curve_and_reports_its_scores_again(
    set_up: SetUp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoint.pt"
    save(small_trainer(), interrupted(), IDENTITY, 320, path)
    found = resumable_checkpoint(path, IDENTITY, 160, PARAMETERS)
    assert found is not None
    state = resumed_state(set_up, found)
    assert (state.step, state.training_seconds, len(state.losses), state.resumed_at) == (32, 40.0, 32, [32])
    assert set_up.position.step == 32
    events = RankEvents(0)
    events.poll(tmp_path)
    assert events.scores == state.scores == scores(0.1, 0.2)
    assert capsys.readouterr().out == "resuming after step 32/160\n"


def test_the_losses_of_a_resumed_training_must_be_those_of_its_checkpoint() -> None:
    state = interrupted()
    keep_losses(state, {"loss": 0.4})
    state.resumed_at = [32]
    keep_losses(state, {"loss": 0.3})
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt has not the losses loss, loss_text; run without"):
        keep_losses(state, {"loss": 0.3, "loss_text": 0.1})
    assert len(state.losses) == 34


def test_an_evaluation_is_kept_reported_and_printed(
    set_up: SetUp, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)

    def score(folder: Path, progress: Any) -> dict[str, float]:
        assert folder.is_dir()
        assert not torch.backends.cudnn.benchmark  # the sizes of whole images vary
        progress()
        return {"hmean": 0.25}

    state = TrainingState(step=16, training_seconds=20.0)
    evaluate(set_up, Evaluation(30, score), state, tmp_path / "kept")
    events = RankEvents(0)
    events.poll(tmp_path)
    assert events.scores == state.scores
    assert torch.backends.cudnn.benchmark  # for the next steps
    assert [(each.step, each.training_seconds, each.figures) for each in state.scores] == [(16, 20.0, {"hmean": 0.25})]
    assert events.signs == 2  # a sign of life per sample, and the score
    assert capsys.readouterr().out == "evaluation after step 16/160 hmean: 0.250000\n"


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"recall": 0.5}, "the evaluation yields recall, not hmean"),
        ({}, "the evaluation yields nothing, not hmean"),
        ({"hmean": float("nan")}, "the evaluation yields hmean nan, not a score from 0 to 1"),
        ({"hmean": 0.5, "recall": 1.5}, "recall 1.5, not a score"),
    ],
)
def test_an_evaluation_without_the_score_ends_the_training(
    set_up: SetUp, tmp_path: Path, figures: dict[str, float], message: str
) -> None:
    state = TrainingState(step=16, training_seconds=20.0)
    with pytest.raises(ValueError, match=message):
        evaluate(set_up, Evaluation(30, lambda folder, progress: figures), state, tmp_path / "kept")
    assert state.scores == []


def test_a_training_is_identified_by_everything_that_its_curve_depends_on(set_up: SetUp) -> None:
    parameters = set_up.plan.parameters_as(ConvergenceParameters)
    assert training_identity(set_up, parameters, "abc") == {
        "case": CONVERGENCE_CASE,
        "seed": 0,
        "steps": 160,
        "image_size": 320,
        "evaluations": 10,
        "data": "abc",
        "compile_mode": None,
    }
