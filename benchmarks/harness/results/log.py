"""Artifacts made from train logs: what a record is (--model_mode), and how the result follows from the records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from msgspec import UNSET

from benchmarks.harness.results.speed_artifact import LogDetails, SpeedArtifact


@dataclass(frozen=True)
class Mode:
    """What a record and the result are.

    Attributes:
        record: "rate" per second, or "time" in seconds.
        unit: of the result.
        needs_batch_size: whether the result counts samples although the records count steps.
    """

    record: str
    unit: str
    needs_batch_size: bool = False


MODES = {
    -1: Mode("rate", "samples/sec"),
    0: Mode("time", "samples/sec", needs_batch_size=True),
    1: Mode("rate", "steps/s"),
    2: Mode("time", "steps/s"),
    3: Mode("rate", "samples/sec", needs_batch_size=True),
    4: Mode("time", "s/epoch"),
}


_ASCENDING = ("record_min", "harmonic_mean", "record_mean", "record_max")


def log_result(details: LogDetails) -> float:
    """The result, not rounded, in the unit of the mode; 0 if the details have no mean of records.

    It is samples over time: it follows from the harmonic mean of rates, and from the arithmetic mean of times.
    """
    of_rates = MODES[details.model_mode].record == "rate"
    return _converted(details.harmonic_mean if of_rates else details.record_mean, details)


def arithmetic_result(details: LogDetails) -> float:
    """The result as older parsers compute it, from the arithmetic mean of the records, whatever they are."""
    return _converted(details.record_mean, details)


def _converted(mean: float | None, details: LogDetails) -> float:
    if mean is None or mean <= 0:
        return 0.0
    processes, batch_size = _as_float(details.processes_counted), _as_float(details.base_batch_size or 0)
    return {
        -1: processes * mean,
        0: batch_size * processes / mean,
        1: mean,
        2: 1 / mean,
        3: batch_size * processes * mean,
        4: mean,
    }[details.model_mode]


def _as_float(count: int) -> float:
    """JSON has integers that no float can hold."""
    return float(min(count, 10**300))


def log_contradictions(artifact: SpeedArtifact) -> list[str]:
    """Fields of an artifact made from a log that contradict each other, a line each. For the gate."""
    details = artifact.details
    assert isinstance(details, LogDetails)
    found = _of_counts(details)
    failed = details.failure is not UNSET
    if failed != bool(artifact.JOB_FAIL_FLAG):
        found.append(
            f"JOB_FAIL_FLAG: {artifact.JOB_FAIL_FLAG}, but details.failure is {'there' if failed else 'absent'}"
        )
    if failed:
        return found if artifact.FINAL_RESULT == 0 else [*found, "FINAL_RESULT: not 0, but details.failure is there"]
    return found + _of_processes(artifact, details) + _of_unit(artifact, details) + _of_result(artifact, details)


def _of_counts(details: LogDetails) -> list[str]:
    found = []
    left = max(0, details.records_found - details.skip_steps)
    if details.records_used != left:
        counts = f"records_found {details.records_found} and skip_steps {details.skip_steps}"
        found.append(f"details.records_used: {details.records_used}, but {counts} leave {left}")
    if details.lines_excluded and not details.exclude:
        found.append(f"details.lines_excluded: {details.lines_excluded}, but details.exclude is empty")
    return found


def _of_processes(artifact: SpeedArtifact, details: LogDetails) -> list[str]:
    processes = 1 if details.rate_scope == "global" else max(1, artifact.gpu_num)
    if details.processes_counted == processes:
        return []
    scope = f"gpu_num {artifact.gpu_num} and rate_scope {details.rate_scope}"
    return [f"details.processes_counted: {details.processes_counted}, but {scope} yield {processes}"]


def _of_unit(artifact: SpeedArtifact, details: LogDetails) -> list[str]:
    mode = MODES[details.model_mode]
    if details.model_mode != -1 and mode.unit != artifact.UNIT:
        return [f"UNIT: {artifact.UNIT}, but model_mode {details.model_mode} yields {mode.unit}"]
    if mode.needs_batch_size and details.base_batch_size is None:
        return [f"details.base_batch_size: null, but model_mode {details.model_mode} needs it"]
    return []


def _of_result(artifact: SpeedArtifact, details: LogDetails) -> list[str]:
    """Whether the means can be of the same records, and whether FINAL_RESULT follows from them."""
    found = []
    ascending = [(name, getattr(details, name) or 0.0) for name in _ASCENDING]
    for (name, value), (larger, limit) in pairwise(ascending):
        if value > limit * (1 + 1e-9):
            found.append(f"details.{name}: {value:g}, but details.{larger} is {limit:g}")
    found += _of_mean(details)
    for name, shown, expected in (
        ("FINAL_RESULT", artifact.FINAL_RESULT, log_result(details)),
        ("details.arithmetic_mean", details.arithmetic_mean or 0.0, arithmetic_result(details)),
    ):
        if not math.isclose(shown, expected, rel_tol=1e-9, abs_tol=0.00051):
            found.append(f"{name}: {shown:g}, but the details yield {expected:.3f}")
    return found


def _of_mean(details: LogDetails) -> list[str]:
    """Whether the smallest, the largest and other records between them can have this arithmetic mean."""
    count, mean = _as_float(max(1, details.records_used)), details.record_mean or 0.0
    low, high = details.record_min or 0.0, details.record_max or 0.0
    least, most = (high + (count - 1) * low) / count, (low + (count - 1) * high) / count
    if low > high or (count > 1 and least * (1 - 1e-6) <= mean <= most * (1 + 1e-6)) or (count == 1 and low == high):
        return []
    return [f"details.record_mean: {mean:g}, but {count:g} records from {low:g} to {high:g} cannot have this mean"]
