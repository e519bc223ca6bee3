"""The profile measurement: from a run to its artifact, its table, and what the gate recomputes."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import structs

from benchmarks.cases import Case
from benchmarks.harness.protocol.profile_report import KernelTime, OperatorTime, ProfileDetail, ProfileReport
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.artifact import UnfinishedDetails
from benchmarks.harness.results.checks.profile import profile_contradictions, profile_training_problems, result_of
from benchmarks.harness.results.checks.ranks import disagreement
from benchmarks.harness.results.checks.training import wrong_training
from benchmarks.harness.results.common import header, measured_fields, optional, plan_fields
from benchmarks.harness.results.formats import PROFILE
from benchmarks.harness.results.gradient_scaling import too_many_skipped
from benchmarks.harness.results.measurement import Parameters
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.profile_artifact import ProfileArtifact, ProfileDetails
from benchmarks.harness.results.redaction import redact
from benchmarks.harness.results.statistics import slowest

TRACE_SUFFIX = ".trace.json.gz"
NO_TRACE = "the ranks left none"
MAX_NAME = 120

PROFILED_STEPS = {"cpu": 2, "cuda": 3}
MOST_PROFILED_STEPS = 10
"""A trace grows with each of them, and so does the memory of the profiler."""


def parameters(case: Case, _settings: Settings) -> Parameters:
    """Few steps; an option may have another number, up to a limit."""
    return Parameters(steps=PROFILED_STEPS[case.device], most_steps=MOST_PROFILED_STEPS)


def build(run: Run, log_path: Path, artifact_folder: Path) -> ProfileArtifact:
    """The profile JSON of a run, good or failed. `artifact_folder` holds the trace if it could be written."""
    if run.failure is not None:
        return _unfinished(run, log_path, run.failure)
    details = _details(run, artifact_folder)
    failure = (
        disagreement(run.results)
        or wrong_training(profile_training_problems(details))
        or too_many_skipped(details.gradient_scaling, details.measured_steps)
    )
    artifact = _finished(run, log_path, details, failure)
    if failure is None and (found := contradictions(artifact)):
        return _finished(run, log_path, details, Failure("wrong_result", printable(found[0])))
    return artifact


def _finished(run: Run, log_path: Path, details: ProfileDetails, failure: Failure | None) -> ProfileArtifact:
    return ProfileArtifact(
        **header(run, log_path, PROFILE, value=result_of(details.ranks), failure=failure),
        details=structs.replace(details, failure=optional(failure)),
    )


def _unfinished(run: Run, log_path: Path, failure: Failure) -> ProfileArtifact:
    details = UnfinishedDetails(
        **plan_fields(run), steps_done=len(run.records), total_seconds=run.seconds, failure=failure
    )
    return ProfileArtifact(**header(run, log_path, PROFILE, value=0, failure=failure), details=details)


def _details(run: Run, artifact_folder: Path) -> ProfileDetails:
    reports = [msgspec.json.decode(result.own, type=ProfileReport) for result in run.results]
    first, ranks = reports[0], [each.profile for each in reports]
    assert first.detail is not None, "rank 0 reports its profile in detail"
    own, window = ranks[0], run.results[0]
    step_seconds = slowest(run.results).measured_seconds / run.plan.steps
    profiled_step_seconds = max(each.profiled_seconds for each in ranks) / first.steps
    trace = PROFILE.file_name(run.case.log_name) + TRACE_SUFFIX
    has_trace = (artifact_folder / trace).is_file()
    problem = first.trace_problem or run.attachment_problem or NO_TRACE
    return ProfileDetails(
        **plan_fields(run),
        **measured_fields(run),
        profiled_steps=first.steps,
        step_seconds=step_seconds,
        profiled_step_seconds=profiled_step_seconds,
        profiler_overhead=profiled_step_seconds / step_seconds - 1,
        data_wait_fraction=min(1.0, window.data_wait_seconds / window.measured_seconds),
        profiled_data_wait_fraction=min(1.0, own.data_wait_seconds / own.profiled_seconds),
        operators_per_step=own.operators_per_step,
        kernels_per_step=own.kernels_per_step,
        launches_per_step=own.launches_per_step,
        host_waits_per_step=own.host_waits_per_step,
        communication=own.communication,
        profile=_redacted(first.detail),
        ranks=ranks,
        trace=trace if has_trace else None,
        trace_problem=None if has_trace else redact(problem),
    )


def _redacted(detail: ProfileDetail) -> ProfileDetail:
    """A program may name an operator after anything."""
    longest = [
        structs.replace(
            each,
            before=None if each.before is None else _name(each.before),
            after=None if each.after is None else _name(each.after),
        )
        for each in detail.gaps.longest
    ]
    return structs.replace(
        detail,
        top_kernels=[_redacted_kernel(each) for each in detail.top_kernels],
        top_operators=[_redacted_operator(each) for each in detail.top_operators],
        gaps=structs.replace(detail.gaps, longest=longest),
    )


def _redacted_kernel(kernel: KernelTime) -> KernelTime:
    return structs.replace(kernel, name=_name(kernel.name), operator=_name(kernel.operator))


def _redacted_operator(operator: OperatorTime) -> OperatorTime:
    return structs.replace(operator, name=_name(operator.name))


def _name(text: str) -> str:
    return printable(redact(text))[:MAX_NAME]


def contradictions(artifact: ProfileArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each. For the gate, and for `build`."""
    return profile_contradictions(artifact)


def line(artifact: ProfileArtifact) -> str:
    """A good result in one line."""
    details = artifact.details
    assert isinstance(details, ProfileDetails)
    what = "in operators" if artifact.gpu_num == 0 else "busy"
    shares = ", ".join(f"{each.group} {each.share:.0%}" for each in details.profile.groups[:3])
    trace = "" if details.trace else f"; no trace: {details.trace_problem}"
    return (
        f"{artifact.FINAL_RESULT:.1f} % of the time {what} ({shares}), {_milliseconds(details.step_seconds)} per step, "
        f"{details.profiler_overhead:+.0%} with the profiler{trace}"
    )


HEADINGS = (
    "busy",
    "largest group",
    "second",
    "third",
    "launches",
    "host waits",
    "longest gap",
    "data wait",
    "overhead",
)


def cells(artifact: ProfileArtifact) -> list[str]:
    """The cells of a row under HEADINGS; empty if the case did not reach its end."""
    details = artifact.details
    if not isinstance(details, ProfileDetails):
        return []
    groups = [f"{each.group} {each.share:.0%}" for each in details.profile.groups[:3]]
    longest = details.profile.gaps.longest
    return [
        f"{artifact.FINAL_RESULT:.1f} %",
        *groups,
        *["-"] * (3 - len(groups)),
        _count(details.launches_per_step),
        _count(details.host_waits_per_step),
        _milliseconds(longest[0].seconds) if longest else "-",
        f"{details.data_wait_fraction:.1%}",
        f"{details.profiler_overhead:+.0%}",
    ]


def _count(per_step: float | None) -> str:
    return "-" if per_step is None else f"{per_step:g}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
