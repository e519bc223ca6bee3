"""Convergence artifacts that contradict themselves: withheld when they are built, and found by the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.results import store
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.convergence import contradictions
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact
from benchmarks.harness.results.formats import CONVERGENCE
from benchmarks.harness.results.statistics import curve_steps, loss_curve
from benchmarks.harness.results.validation import problems
from samples import changed, converged_run, convergence_artifact, document, losses, score


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of three steps, each evaluated: hmean 0.2, 0.4, 0.75; loss 0.6, 0.4, 0.1; 1.25 s per step."""
    return document(convergence_artifact(converged_run(tmp_path_factory.mktemp("good"))))


def found(content: dict[str, Any]) -> list[str]:
    """The contradictions of a document that fits its schema."""
    assert problems(content, CONVERGENCE) == []
    artifact: ConvergenceArtifact = store.decoded(content, CONVERGENCE)
    return contradictions(artifact)


def test_a_good_artifact_has_no_contradictions(good: dict[str, Any]) -> None:
    assert found(good) == []


def points(*losses: float) -> list[dict[str, float]]:
    return [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)]


def evaluated(*figures: float, steps: tuple[float, ...] = (1, 2, 3), seconds: float = 1.25) -> list[dict[str, float]]:
    return [
        {"step": step, "training_seconds": seconds * step, "precision": value, "recall": value, "hmean": value}
        for step, value in zip(steps, figures, strict=True)
    ]


GOOD = (0.2, 0.4, 0.75)
UNNAMED = [{"step": step, "training_seconds": 1.25 * step, "recall": 0.75} for step in (1, 2, 3)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"details.target": 0}, "details.target: 0, which every training reaches"),
        ({"details.target": 0.5}, "details.target: 0.5, but the model's is 0.7"),
        ({"details.target": 0.8}, "loss_curve, scores: target_missed: hmean is 0.7500 after 3 steps"),
        ({"loss_curve": points(0.1, 0.4, 0.6)}, "loss_curve, scores: loss_rises: the loss went from 0.1000 to 0.6000"),
        ({"loss_curve": points(0.5, 0.1, 0.5)}, "loss_curve, scores: loss_rises"),
        ({"loss_curve": points(0.6, 0.4)}, "loss_curve: its points are at 1, 2, not at 1, 2, 3"),
        ({"loss_curve": points(0.6, 0.4, 0.2, 0.1)}, "loss_curve: its points are at 1, 2, 3, 4, not at"),
        ({"loss_curve": points(0.6, 0.4, 0.1)[::-1]}, "loss_curve: its points are at 3, 2, 1"),
        ({"loss_curve": [{"step": 1e308, "loss": 0.6}]}, "loss_curve: its points are at far too many, not at 1, 2, 3"),
        ({"loss_curve": [*points(0.6, 0.4), {"step": 3, "loss": 0.1, "x": 1}]}, "loss_curve: that of step 3 has other"),
        ({"scores": evaluated(0.2, 0.75, steps=(1, 2))}, "scores: they are 2, but there are 3 evaluations"),
        ({"scores": evaluated(0.2, *GOOD, steps=(1, 2, 3, 4))}, "scores: they are 4, but there are 3 evaluations"),
        ({"scores": evaluated(*GOOD, steps=(3, 2, 1))}, "scores: they follow 3, 2, 1, but"),
        ({"scores": evaluated(*GOOD, steps=(1, 1, 3))}, "scores: they follow 1, 1, 3, but"),
        ({"scores": evaluated(*GOOD, steps=(1, 2, 4))}, "scores: they follow 1, 2, 4, but"),
        ({"scores": evaluated(*GOOD, steps=(1, 1.5, 3))}, "scores: they follow 1, 1.5, 3, but"),
        ({"scores": evaluated(0.2, 0.4, 7.5)}, "scores: precision of step 3 is 7.5, not from 0 to 1"),
        ({"scores": evaluated(-0.2, 0.4, 0.75)}, "scores: precision of step 1 is -0.2, not from 0 to 1"),
        ({"scores": UNNAMED}, "scores: they have no hmean"),
        ({"scores": [*evaluated(*GOOD)[:2], UNNAMED[2]]}, "scores: that of step 3 has other names than the first"),
        ({"scores": evaluated(*GOOD, seconds=2)}, "details.training_seconds: 3.75, but 6 at the last score"),
        ({"scores": evaluated(*GOOD, seconds=1)}, "details.training_seconds: 3.75, but 3 at the last score"),
        ({"scores": evaluated(*GOOD, seconds=-1)}, "scores: training_seconds do not rise"),
        ({"scores": evaluated(0.2, 0.3, 0.75)}, "seconds_to_tenths: they are not those of the scores"),
        ({"seconds_to_tenths": [{"value": 0.07, "seconds": 0.1}] * 10}, "seconds_to_tenths: they are not those"),
        ({"convergence_value": 0.9, "FINAL_RESULT": 0.9}, "convergence_value: 0.9, but the last score is 0.75"),
        ({"FINAL_RESULT": 0.9}, "FINAL_RESULT: 0.9, but the details yield 0.750"),
        ({"UNIT": "recall", "convergence_key": "recall"}, "convergence_key: recall, but the model's goal is a hmean"),
        ({"convergence_key": "step", "UNIT": "step"}, "convergence_key: step, but the model's goal is a hmean"),
        ({"details.samples_per_second": 99}, "details.samples_per_second: 99, not 3.2"),
        ({"details.total_seconds": 1}, "details.training_seconds: 3.75, but the case took 1"),
        ({"details.warmup_steps": 5}, "details.warmup_steps: 5, but a training has none"),
        ({"details.resumed_at": [3]}, "details.resumed_at: 3, but a checkpoint follows an evaluation"),
        ({"details.resumed_at": [2, 1]}, "details.resumed_at: 2, 1, but"),
        ({"details.resumed_at": [1, 1]}, "details.resumed_at: 1, 1, but"),
        ({"details.resumed_at": [0]}, "details.resumed_at: 0, but"),
        ({"details.measured_steps": 300}, "scores: they are 3, but there are 10 evaluations"),
        ({"details.measured_steps": 300, "details.evaluations": 3}, "scores: they follow 1, 2, 3, but the training is"),
        ({"details.measured_steps": 10**300, "details.evaluations": 10**300}, "scores: they are 3, but"),
        ({"details.measured_steps": 10**18, "details.evaluations": 3}, "scores: they follow 1, 2, 3, but"),
        ({"details.batch_size_per_process": 10**18}, "details.samples_per_second: 3.2, not 8e+17"),
    ],
)  # fmt: skip
def test_what_contradicts_another_field_is_named(good: dict[str, Any], changes: dict[str, Any], problem: str) -> None:
    lines = found(changed(good, changes))
    assert any(line.startswith(problem) for line in lines), lines
    assert all(line.isprintable() and len(line) < 300 for line in lines)


def test_three_steps_have_three_evaluations_whatever_is_asked_for(good: dict[str, Any]) -> None:
    assert found(changed(good, {"details.evaluations": 10**18})) == []


def test_a_resumed_training_may_have_taken_longer_than_its_last_run(tmp_path: Path) -> None:
    resumed = document(convergence_artifact(converged_run(tmp_path, resumed_at=[1, 2])))
    assert found(changed(resumed, {"details.total_seconds": 1})) == []


def test_the_curve_of_a_model_that_is_not_installed_is_checked_too(good: dict[str, Any]) -> None:
    other = {"details.case": "other_sp_bs4_fp32_cpu1", "convergence_key": "recall", "UNIT": "recall"}
    assert found(changed(good, other)) == []
    assert found(changed(good, {**other, "details.target": 0}))
    assert found(changed(good, {**other, "loss_curve": points(0.1, 0.4, 0.6)}))


@pytest.mark.parametrize(
    "own",
    [
        {"losses": losses(0.6, 0.4)},
        {"losses": losses(0.6, 0.4, 0.2, 0.1)},
        {"scores": [score(1, 0.2), score(3, 0.75)]},
        {"scores": [score(1, 0.2), score(2, 0.75)]},
        {"resumed_at": [3]},
    ],
    ids=["a loss missing", "a loss too many", "an evaluation missing", "the last evaluation missing", "resumed at end"],
)
def test_a_run_whose_report_contradicts_itself_has_no_result(own: dict[str, Any], tmp_path: Path) -> None:
    artifact = convergence_artifact(converged_run(tmp_path, **own))
    assert (artifact.JOB_FAIL_FLAG, artifact.FINAL_RESULT) == (1, 0)
    failure = failure_of(artifact)
    assert failure is not None
    assert failure.kind == "wrong_result"
    assert problems(document(artifact), CONVERGENCE) == []


@pytest.mark.parametrize("steps", [1, 2, 99, 100, 101, 160, 250, 2000])
def test_the_points_of_a_curve_follow_from_the_number_of_steps(steps: int) -> None:
    curve = loss_curve([(step, {"loss": 1.0}) for step in range(1, steps + 1)])
    assert [point["step"] for point in curve] == curve_steps(steps)
