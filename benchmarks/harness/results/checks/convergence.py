"""What the curve and the scores of a training must fulfil: the same when an artifact is built and for the gate.

Everything that follows from other fields of an artifact is computed again from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean

import msgspec

from benchmarks.harness.protocol.parameters import ConvergenceParameters, evaluation_steps
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import Score
from benchmarks.harness.results.convergence_artifact import ConvergenceArtifact, ConvergenceDetails, TimeToScore
from benchmarks.harness.results.statistics import curve_steps
from ocr_models import MODELS

TENTHS = range(1, 11)
TOO_LARGE = 10**15
NOT_FIGURES = ("step", "training_seconds")
ROUNDING = 1e-9
"""Relative error of a few operations on floating-point numbers."""

Curve = list[dict[str, float]]


def verdict(curve: Curve, scores: Sequence[Score], parameters: ConvergenceParameters) -> Failure | None:
    """Whether the training failed: the loss rose from the first tenth of the curve to the last, or the target was
    missed after the last step.
    """
    tenth = max(1, len(curve) // 10)
    first, last = (fmean(point["loss"] for point in part) for part in (curve[:tenth], curve[-tenth:]))
    metric, reached = parameters.metric, scores[-1].figures[parameters.metric]
    if len(curve) > 1 and last >= first:
        return Failure("loss_rises", f"the loss went from {first:.4f} to {last:.4f}; {metric} is {reached:.4f}")
    if reached < parameters.target:
        message = f"{metric} is {reached:.4f} after {scores[-1].step} steps; the target is {parameters.target:g}"
        return Failure("target_missed", message)
    return None


def seconds_to_tenths(scores: Sequence[Score], parameters: ConvergenceParameters) -> list[TimeToScore]:
    """Seconds of training to the first evaluation that reached each tenth of the target; None if none did."""
    wanted = [round(parameters.target * tenth / 10, 6) for tenth in TENTHS]
    return [
        TimeToScore(
            value=value,
            seconds=next((each.training_seconds for each in scores if each.figures[parameters.metric] >= value), None),
        )
        for value in wanted
    ]


def curve_contradictions(artifact: ConvergenceArtifact) -> list[str]:
    """Fields of an artifact without a failure that contradict each other, a line each."""
    details = artifact.details
    if not isinstance(details, ConvergenceDetails):
        return ["details.source: unfinished_run, but the case is not flagged"]
    for rule in _RULES:  # each relies on what those before it have found to be right
        if found := rule(artifact, details):
            return found
    scores = _scores(artifact)
    parameters = ConvergenceParameters(details.target, artifact.convergence_key, details.evaluations, "", resume=False)
    if (failure := verdict(artifact.loss_curve, scores, parameters)) is not None:
        found.append(f"loss_curve, scores: {failure.kind}: {failure.message}, and it is not flagged")
    if artifact.convergence_value != (last := scores[-1].figures[artifact.convergence_key]):
        found.append(f"convergence_value: {artifact.convergence_value}, but the last score is {last}")
    if artifact.seconds_to_tenths != seconds_to_tenths(scores, parameters):
        found.append("seconds_to_tenths: they are not those of the scores")
    return found


def _scores(artifact: ConvergenceArtifact) -> list[Score]:
    return [
        Score(
            int(point["step"]),
            point["training_seconds"],
            {name: value for name, value in point.items() if name not in NOT_FIGURES},
        )
        for point in artifact.scores
    ]


def _goal_rule(artifact: ConvergenceArtifact, details: ConvergenceDetails) -> list[str]:
    """The target is the model's, which no option changes. A model of another package may not be installed here."""
    found = []
    if artifact.convergence_key != artifact.UNIT:
        found.append(f"UNIT: {artifact.UNIT}, but the score is {artifact.convergence_key}")
    if not details.target > 0:
        found.append(f"details.target: {details.target:g}, which every training reaches")
    model = MODELS.get(details.case.partition("_")[0])
    if model is not None and model.convergence is not None:
        goal = model.convergence
        if details.target < goal.target:
            found.append(f"details.target: {details.target:g}, but the model's is {goal.target:g}")
        if artifact.convergence_key != goal.metric:
            found.append(f"convergence_key: {artifact.convergence_key}, but the model's goal is a {goal.metric}")
    return found


def _score_rule(artifact: ConvergenceArtifact, details: ConvergenceDetails) -> list[str]:
    """One score of each evaluation, of the same names, each from 0 to 1."""
    steps = [point["step"] for point in artifact.scores]
    count = min(details.measured_steps, details.evaluations)
    if len(steps) != count:  # a number in an artifact may be of any size, so the steps are not listed before this
        return [f"scores: they are {len(steps)}, but there are {_number(count)} evaluations"]
    expected = evaluation_steps(details.measured_steps, details.evaluations)
    if steps != expected:
        return [f"scores: they follow {_shown(steps)}, but the training is evaluated after {_shown(expected)}"]
    names = artifact.scores[0].keys()
    if artifact.convergence_key not in names or artifact.convergence_key in NOT_FIGURES:
        return [f"scores: they have no {artifact.convergence_key}"]
    for point in artifact.scores:
        if point.keys() != names:
            return [f"scores: that of step {point['step']:g} has other names than the first"]
        outside = [name for name in names if name not in NOT_FIGURES and not 0 <= point[name] <= 1]
        if outside:
            return [f"scores: {outside[0]} of step {point['step']:g} is {point[outside[0]]:g}, not from 0 to 1"]
    return []


def _curve_rule(artifact: ConvergenceArtifact, details: ConvergenceDetails) -> list[str]:
    """All steps of the training, each in one point."""
    steps = [point["step"] for point in artifact.loss_curve]
    expected = curve_steps(details.measured_steps)
    if steps != expected:
        return [f"loss_curve: its points are at {_shown(steps)}, not at {_shown(expected)}"]
    names = artifact.loss_curve[0].keys()
    other = [point["step"] for point in artifact.loss_curve if point.keys() != names]
    return [f"loss_curve: that of step {other[0]:g} has other names than the first"] if other else []


def _time_rule(artifact: ConvergenceArtifact, details: ConvergenceDetails) -> list[str]:
    """The time of training rises to that of the slowest rank; the scores are those of rank 0."""
    found = []
    seconds = [point["training_seconds"] for point in artifact.scores]
    whole = details.training_seconds
    if not seconds[0] > 0 or seconds != sorted(seconds):
        found.append("scores: training_seconds do not rise")
    elif seconds[-1] > whole * (1 + ROUNDING) or (details.processes == 1 and not _is_equal(seconds[-1], whole)):
        found.append(f"details.training_seconds: {whole:g}, but {seconds[-1]:g} at the last score")
    rate = _ratio(details.measured_steps * details.batch_size_per_process * details.processes, whole)
    if not _is_equal(details.samples_per_second, rate):
        found.append(f"details.samples_per_second: {details.samples_per_second:g}, not {rate:g}")
    if details.warmup_steps:
        found.append(f"details.warmup_steps: {details.warmup_steps}, but a training has none")
    if not details.resumed_at and whole > details.total_seconds:
        found.append(f"details.training_seconds: {whole:g}, but the case took {details.total_seconds:g}")
    stops = {point["step"] for point in artifact.scores[:-1]}
    if details.resumed_at != sorted(set(details.resumed_at)) or not set(details.resumed_at) <= stops:
        found.append(f"details.resumed_at: {_shown(details.resumed_at)}, but a checkpoint follows an evaluation")
    return found


_Rule = Callable[[ConvergenceArtifact, ConvergenceDetails], list[str]]
_RULES: tuple[_Rule, ...] = (_goal_rule, _score_rule, _curve_rule, _time_rule)


def _is_equal(found: float, expected: float) -> bool:
    return abs(found - expected) <= ROUNDING * abs(expected)


def _ratio(amount: int, seconds: float) -> float:
    """Infinite if it is too large for a float."""
    try:
        return amount / seconds
    except OverflowError:
        return math.inf


def _number(value: float) -> str:
    """Also of an integer that is too large for a float, or for its digits to be written."""
    return f"{value:g}" if abs(value) < TOO_LARGE else "far too many"


def _shown(steps: Sequence[float]) -> str:
    """The steps, of which the middle is left out if they are many."""
    texts = [_number(step) for step in steps]
    return ", ".join(texts if len(texts) <= 10 else [*texts[:5], "...", *texts[-2:]]) or "no step"


def withheld(artifact: ConvergenceArtifact, problems: Sequence[str]) -> ConvergenceArtifact:
    """The artifact, failed if there is a problem that its training does not account for."""
    if artifact.JOB_FAIL_FLAG or not problems:
        return artifact
    assert isinstance(artifact.details, ConvergenceDetails)
    details = msgspec.structs.replace(artifact.details, failure=Failure("wrong_result", problems[0]))
    return msgspec.structs.replace(artifact, FINAL_RESULT=0, JOB_FAIL_FLAG=1, details=details)
