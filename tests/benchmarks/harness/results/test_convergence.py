"""From the curves of a training to its convergence JSON and verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.protocol.parameters import ConvergenceParameters
from benchmarks.harness.protocol.records import Failure, RankResult
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.checks.convergence import seconds_to_tenths, verdict
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.convergence import cells, contradictions, line
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact, ConvergenceDetails
from benchmarks.harness.results.formats import CONVERGENCE
from benchmarks.harness.results.validation import problems
from samples import (
    CONVERGENCE_CASE,
    KILLED,
    converged_run,
    convergence_artifact,
    document,
    failed_run,
    losses,
    planned_run,
    rank_result,
    scores,
    step_record,
)


def build(run: Run) -> ConvergenceArtifact:
    """The artifact of a run, which fits its schema."""
    artifact = convergence_artifact(run)
    assert problems(document(artifact), CONVERGENCE) == []
    return artifact


def parameters(target: float = 0.7) -> ConvergenceParameters:
    return ConvergenceParameters(target=target, metric="hmean", evaluations=10, folder="", resume=False)


def curve(*values: float) -> list[dict[str, float]]:
    return [{"step": step, "loss": value} for step, value in enumerate(values, start=1)]


def test_a_training_that_reaches_its_target_passes(tmp_path: Path) -> None:
    artifact = build(converged_run(tmp_path))
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT, artifact.UNIT) == (0, 0.75, "hmean")
    assert (artifact.convergence_key, artifact.convergence_value, artifact.index) == ("hmean", 0.75, 4)
    details = artifact.details
    assert isinstance(details, ConvergenceDetails)
    assert (details.target, details.training_seconds, details.held_out_samples) == (0.7, 3.75, 30)
    assert details.samples_per_second == 3 * 4 / 3.75
    assert [Path(each).name for each in details.kept] == ["checkpoint.pt"]
    assert artifact.loss_curve == curve(0.6, 0.4, 0.1)
    assert artifact.scores[0] == {
        "step": 1,
        "training_seconds": 1.25,
        "precision": 0.2,
        "recall": 0.2,
        "hmean": 0.2,
    }
    first, *_, last = artifact.seconds_to_tenths
    assert (first.value, first.seconds) == (0.07, 1.25)
    assert (last.value, last.seconds) == (0.7, 3.75)


@pytest.mark.parametrize("same", [False, True])
def test_a_score_on_the_training_samples_is_named_as_such(tmp_path: Path, same: bool) -> None:
    artifact = build(converged_run(tmp_path, held_out_is_training=same))
    assert isinstance(artifact.details, ConvergenceDetails)
    assert artifact.details.held_out_is_training is same
    assert ("hmean 0.750 on the training samples after 3 steps" in line(artifact)) is same


@pytest.mark.parametrize(
    ("own", "kind", "message"),
    [
        ({"scores": scores(0.9, 0.6999)}, "target_missed", "hmean is 0.6999 after 32 steps; the target is 0.7"),
        ({"losses": losses(0.1, 0.4, 0.6)}, "loss_rises", "the loss went from 0.1000 to 0.6000"),
        ({"losses": losses(0.5, 0.4, 0.5)}, "loss_rises", "from 0.5000 to 0.5000"),
    ],
)
def test_a_training_that_does_not_converge_fails_with_all_its_details(
    tmp_path: Path, own: dict[str, Any], kind: str, message: str
) -> None:
    artifact = build(converged_run(tmp_path, **own))
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)
    failure = failure_of(artifact)
    assert failure is not None
    assert failure.kind == kind
    assert message in failure.message
    assert artifact.convergence_value == own.get("scores", scores(0.75))[-1].figures["hmean"]
    assert len(artifact.loss_curve) == 3
    assert isinstance(artifact.details, ConvergenceDetails)


def test_ranks_that_disagree_fail_though_the_target_was_reached(tmp_path: Path) -> None:
    run = converged_run(tmp_path)
    first: RankResult = run.results[0]
    run.results.append(rank_result(1, [step_record()], seconds=first.measured_seconds))
    artifact = build(run)
    failure = failure_of(artifact)
    assert failure is not None
    assert failure.kind == "rank_mismatch"
    assert (artifact.convergence_value, artifact.FINAL_RESULT) == (0.75, 0)


def test_an_interrupted_training_has_its_curve_so_far(tmp_path: Path) -> None:
    artifact = build(failed_run(CONVERGENCE_CASE, "convergence", KILLED, steps_done=2, output=tmp_path))
    assert artifact.convergence_value is None
    assert artifact.loss_curve == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    assert all(each.seconds is None for each in artifact.seconds_to_tenths)


def test_a_step_whose_loss_is_not_finite_is_left_out_of_the_curve(tmp_path: Path) -> None:
    run = failed_run(CONVERGENCE_CASE, "convergence", steps_done=2, output=tmp_path)
    run.records.append(step_record(3, loss=None))
    assert [point["step"] for point in build(run).loss_curve] == [1, 2]


def test_an_interrupted_training_has_its_evaluations_so_far(tmp_path: Path) -> None:
    timeout = Failure("timeout", "not done after 900 s")
    run = failed_run(CONVERGENCE_CASE, "convergence", timeout, steps_done=0, output=tmp_path)
    run.ranks[0].scores.extend(scores(0.2, 0.75))
    artifact = build(run)
    assert (artifact.convergence_value, artifact.FINAL_RESULT) == (None, 0)
    assert [each["hmean"] for each in artifact.scores] == [0.2, 0.75]
    last = artifact.seconds_to_tenths[-1]
    assert (last.value, last.seconds) == (0.7, 40.0)


def test_while_the_training_runs_its_artifact_is_a_failed_one(tmp_path: Path) -> None:
    run = planned_run(CONVERGENCE_CASE, "convergence", output=tmp_path)
    run.failure = Failure("interrupted", "the case has not finished")
    artifact = build(run)
    assert artifact.JOB_FAIL_FLAG == 1
    assert document(artifact)["details"]["finished_at"] is None


def test_each_tenth_of_the_target_has_the_time_of_the_first_evaluation_that_reached_it() -> None:
    found = seconds_to_tenths(scores(0.3, 0.1, 0.8), parameters(target=1.0))
    assert [each.value for each in found] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert [each.seconds for each in found] == [20.0] * 3 + [60.0] * 5 + [None] * 2


def test_a_curve_of_one_step_cannot_rise() -> None:
    assert verdict(curve(0.5), scores(0.9), parameters()) is None


def test_a_good_artifact_has_no_contradictions(tmp_path: Path) -> None:
    assert contradictions(build(converged_run(tmp_path))) == []


def test_a_result_is_one_line_and_one_row(tmp_path: Path) -> None:
    artifact = build(converged_run(tmp_path))
    assert line(artifact) == "hmean 0.750 after 3 steps, 4 s of training"
    assert cells(artifact) == ["hmean 0.750", "0.700", "3", "4 s", "0.600 -> 0.100"]
    assert cells(build(failed_run(CONVERGENCE_CASE, "convergence", output=tmp_path))) == []
