"""A speed artifact for people: in one line, and as a row of the table at the end of a session."""

from __future__ import annotations

from benchmarks.harness.results.machine_verdict import remark
from benchmarks.harness.results.roofline import bound_in_words
from benchmarks.harness.results.speed_artifact import Roofline, SpeedArtifact, SpeedDetails, TimedDetails, TimedRank

HEADINGS = ("samples/s", "loader only", "step only", "step", "data wait", "bound by", "fixed", "machine")

NOT_MEASURED = "-"
LIGHT_RUN = "light run"

UNSTEADY_RATIO = 1.3
"""Above this ratio of p95 to the median, the steps differ. The verdict on the machine says whether it is the cause."""


def line(artifact: SpeedArtifact) -> str:
    """A good result in one line."""
    details = artifact.details
    assert isinstance(details, TimedDetails)
    p50, p95 = details.step_seconds.p50, details.step_seconds.p95
    unsteady = f"; unsteady: p95 of the step time is {p95 / p50:.1f} x the median" if p95 > UNSTEADY_RATIO * p50 else ""
    waiting = f"{details.data_wait_fraction:.1%} waiting for data"
    found = details.roofline if isinstance(details, SpeedDetails) else None
    bound = "" if found is None else f", bound by {_bound(found)} of the roofline"
    remarks = bound + _power(details) + unsteady + remark(details.machine, artifact.gpu_num)
    light = "" if isinstance(details, SpeedDetails) else f", {LIGHT_RUN}"
    return f"{artifact.FINAL_RESULT:.3f} samples/s, {_milliseconds(p50)} per step, {waiting}{light}{remarks}"


def _power(details: TimedDetails[TimedRank]) -> str:
    """Of the GPUs; empty if it is not known."""
    if details.power_watts is None or details.joules_per_sample is None:
        return ""
    return f", {details.power_watts:.0f} W, {details.joules_per_sample:.3g} J/sample"


def cells(artifact: SpeedArtifact) -> list[str]:
    """The cells of a row under HEADINGS; empty if the case did not reach its end."""
    details = artifact.details
    if not isinstance(details, TimedDetails):
        return []
    loader_only = step_only = NOT_MEASURED
    bound = LIGHT_RUN
    if isinstance(details, SpeedDetails):
        loader_only, step_only = (
            _rate(details.loader_only_samples_per_second),
            _rate(details.step_only_samples_per_second),
        )
        bound = "unknown" if details.roofline is None else _bound(details.roofline)
    waiting = f"{details.data_wait_fraction:.1%}"
    machine = "unknown" if details.machine is None else details.machine.verdict
    step, fixed = _milliseconds(details.step_seconds.p50), f"{details.overhead_seconds:.1f} s"
    return [_rate(artifact.FINAL_RESULT), loader_only, step_only, step, waiting, bound, fixed, machine]


def _rate(samples_per_second: float) -> str:
    return f"{samples_per_second:.3f}"


def _bound(found: Roofline) -> str:
    return f"{bound_in_words(found)}, {found.fraction:.0%}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
