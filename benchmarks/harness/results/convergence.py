"""The convergence measurement: from a run to its artifact: did the training reach its target, and how soon?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from benchmarks.cases import Case, CaseError
from benchmarks.harness.protocol.parameters import ConvergenceParameters
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import ConvergenceReport, Score
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.checks.case import result_mismatch
from benchmarks.harness.results.checks.convergence import (
    Curve,
    curve_contradictions,
    seconds_to_tenths,
    verdict,
    withheld,
)
from benchmarks.harness.results.checks.ranks import disagreement
from benchmarks.harness.results.checks.training import (
    Problem,
    describe_problems,
    training_problems,
    wrong_training,
)
from benchmarks.harness.results.common import header, measured_fields, optional, plan_fields, shown_path
from benchmarks.harness.results.convergence_artifact import (
    ConvergenceArtifact,
    ConvergenceDetails,
    UnfinishedConvergenceDetails,
)
from benchmarks.harness.results.formats import CONVERGENCE
from benchmarks.harness.results.gradient_scaling import gradient_scaling
from benchmarks.harness.results.measurement import Parameters
from benchmarks.harness.results.rank_differences import describe_mismatch
from benchmarks.harness.results.statistics import loss_curve, slowest
from ocr_models import MODELS, ConvergenceGoal


def convergence_goal(case: Case) -> ConvergenceGoal:
    """Raises CaseError if the model has none."""
    goal = MODELS[case.model].convergence
    if goal is None:
        raise CaseError(
            f"{case.model} has no convergence goal: add convergence=ConvergenceGoal(...) to its entry in "
            "ocr_models.MODELS, or to the Model of its package"
        )
    return goal


def parameters(case: Case, settings: Settings) -> Parameters:
    """Those of the model's goal. Raises CaseError if it has none."""
    goal = convergence_goal(case)
    folder = settings.output / "convergence" / case.log_name
    return Parameters(
        own=ConvergenceParameters(
            target=goal.target,
            metric=goal.metric,
            evaluations=goal.evaluations,
            folder=str(folder),
            resume=settings.resume,
            split=goal.scored_split,
        ),
        steps=goal.steps,
        warmup_steps=0,
        image_size=goal.image_size,
        convergence_data=True,
        augment=not goal.by_heart,
        folder=folder,
        keep_folder=settings.resume,
    )


def build(run: Run, log_path: Path, _artifact_folder: Path) -> ConvergenceArtifact:
    """The convergence JSON of a run. A run that ended well still fails if its loss rose or the target was missed."""
    parameters = run.plan.parameters_as(ConvergenceParameters)
    if run.failure is not None:
        unfinished = _unfinished_details(run, parameters, run.failure)
        return _artifact(run, log_path, _curve_so_far(run), run.ranks[0].scores, None, run.failure, unfinished)
    own = msgspec.json.decode(run.results[0].own, type=ConvergenceReport)
    curve = loss_curve(list(enumerate(own.losses, start=1)))
    details = _finished_details(run, own, parameters)
    failure = (
        disagreement(run.results)
        or wrong_training(_training_problems(details))
        or verdict(curve, own.scores, parameters)
    )
    value = own.scores[-1].figures[parameters.metric]
    details = structs.replace(details, failure=optional(failure))
    artifact = _artifact(run, log_path, curve, own.scores, value, failure, details)
    return withheld(artifact, contradictions(artifact))


def _artifact(
    run: Run,
    log_path: Path,
    curve: Curve,
    scores: Sequence[Score],
    value: float | None,
    failure: Failure | None,
    details: ConvergenceDetails | UnfinishedConvergenceDetails,
) -> ConvergenceArtifact:
    """`value` is the score after the last step; None if the training did not get there."""
    parameters = run.plan.parameters_as(ConvergenceParameters)
    return ConvergenceArtifact(
        **header(run, log_path, CONVERGENCE, unit=parameters.metric, value=value or 0.0, failure=failure),
        convergence_key=parameters.metric,
        convergence_value=value,
        loss_curve=curve,
        scores=[{"step": each.step, "training_seconds": each.training_seconds} | each.figures for each in scores],
        seconds_to_tenths=seconds_to_tenths(scores, parameters),
        details=details,
    )


def _curve_so_far(run: Run) -> Curve:
    """Of an interrupted run: the steps whose losses are all finite."""
    finite = [
        (record.index, {name: value for name, value in record.losses.items() if value is not None})
        for record in run.records
        if None not in record.losses.values()
    ]
    return loss_curve(finite)


def _unfinished_details(run: Run, parameters: ConvergenceParameters, failure: Failure) -> UnfinishedConvergenceDetails:
    return UnfinishedConvergenceDetails(
        **plan_fields(run),
        steps_done=len(run.records),
        total_seconds=run.seconds,
        failure=failure,
        target=parameters.target,
        evaluations=parameters.evaluations,
    )


def _finished_details(run: Run, own: ConvergenceReport, parameters: ConvergenceParameters) -> ConvergenceDetails:
    seconds = slowest(run.results).measured_seconds
    kept = sorted(path for path in Path(parameters.folder).glob("[!.]*") if path.is_file())
    return ConvergenceDetails(
        **plan_fields(run),
        **measured_fields(run) | {"gradient_scaling": gradient_scaling(run.results[0].records, own.skipped_before)},
        target=parameters.target,
        evaluations=parameters.evaluations,
        training_seconds=seconds,
        samples_per_second=run.plan.steps * run.case.batch_size / seconds,
        held_out_samples=own.held_out_samples,
        held_out_is_training=own.held_out_is_training,
        augmented=run.plan.augment,
        resumed_at=own.resumed_at,
        kept=[shown_path(path) for path in kept],
    )


def _training_problems(details: ConvergenceDetails) -> list[Problem]:
    """Of the steps of the last run, if the training was interrupted."""
    steps_before = details.resumed_at[-1] if details.resumed_at else 0
    return training_problems(details, details.measured_steps - steps_before, steps_before)


def contradictions(artifact: ConvergenceArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each. For the gate."""
    found = curve_contradictions(artifact) + result_mismatch(artifact, artifact.convergence_value or 0.0)
    if isinstance(artifact.details, ConvergenceDetails):
        found += describe_problems(_training_problems(artifact.details))
        found += describe_mismatch(artifact.details.rank_differences)
    return found


def line(artifact: ConvergenceArtifact) -> str:
    """A good result in one line."""
    details = artifact.details
    assert isinstance(details, ConvergenceDetails)
    where = " on the training samples" if details.held_out_is_training else ""
    return (
        f"{artifact.convergence_key} {artifact.convergence_value:.3f}{where} after {details.measured_steps} steps, "
        f"{details.training_seconds:.0f} s of training"
    )


HEADINGS = ("score", "target", "steps", "training", "loss")


def cells(artifact: ConvergenceArtifact) -> list[str]:
    """The cells of a row under HEADINGS; empty if the case did not reach its end."""
    details = artifact.details
    if not isinstance(details, ConvergenceDetails):
        return []
    first, last = artifact.loss_curve[0]["loss"], artifact.loss_curve[-1]["loss"]
    return [
        f"{artifact.convergence_key} {artifact.convergence_value:.3f}",
        f"{details.target:.3f}",
        f"{details.measured_steps}",
        f"{details.training_seconds:.0f} s",
        f"{first:.3f} -> {last:.3f}",
    ]
