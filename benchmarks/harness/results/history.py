"""A line of `history.jsonl`: one measurement. An artifact is replaced by the next run of its case; its line stays."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from benchmarks.cases import Case
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import Environment
from benchmarks.harness.protocol.revision import Revision
from benchmarks.harness.results.artifact import Header, MeasuredDetails, PlanDetails, Provenance, UtcTime
from benchmarks.harness.results.common import details_of, failure_of
from benchmarks.harness.results.machine_key import machine_key, ordered
from benchmarks.harness.results.speed_artifact import LightDetails

HISTORY = "history.jsonl"

VERSIONS = ("torch", "cuda", "cudnn", "nccl", "python", "opencv")
"""Of the environment: those on which a speed depends."""

SETTINGS = ("image_size", "compile_mode", "data_source", "image_cache", "loader_workers_per_process", "nodes")
"""Of the plan: those on which a speed depends, and which the name of a case does not have."""


class HistoryLine(Header, frozen=True, kw_only=True, forbid_unknown_fields=False, gc=False):
    """The ten fields of an artifact, and which run they are of. Lines of older versions lack some fields.

    Attributes:
        measurement: for example "speed".
        case: its name, which the ten fields do not contain in full.
        started_at, finished_at: UTC.
        git_commit, git_dirty: of the suite; None if not known.
        precision: of the case.
        samples_per_second: of all ranks, if the measurement has it, whatever its FINAL_RESULT is. A failed case may
            have it, too.
        matmul_tflops: rate of a large matrix product in the same run; None if it was not measured. It says whether the
            machine itself was as fast as in another run.
        machine: hardware and driver (`machine_key.py`). A case that failed early has what is known without it.
        machine_verdict: "quiet" or "disturbed"; None if the machine was not observed.
        versions: of VERSIONS; empty if the case did not reach its end.
        settings: of SETTINGS.
        light: whether `--ocr-light` left out the probes of a case that reached its end.
        failure: None if the artifact is good.
    """

    measurement: str
    case: str
    run_id: str
    suite_version: str
    started_at: UtcTime
    finished_at: UtcTime | None
    git_commit: str | None = None
    git_dirty: bool | None = None
    precision: str | None = None
    samples_per_second: float | None = None
    matmul_tflops: float | None = None
    machine: dict[str, str] = msgspec.field(default_factory=dict)
    machine_verdict: str | None = None
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    settings: dict[str, str | int | None] = msgspec.field(default_factory=dict)
    light: bool = False
    failure: Failure | None = None


def history_line(
    artifact: Header,
    measurement: str,
    case: Case,
    machine: Mapping[str, str] | None = None,
    revision: Revision | None = None,
) -> HistoryLine:
    """The line of an artifact, good or failed.

    `machine` and `revision` are what this process knows. What the ranks reported has priority.
    """
    details = details_of(artifact)
    environment = environment_of(artifact)
    revision = revision or Revision(None, None)
    return HistoryLine(
        **{name: getattr(artifact, name) for name in Header.__struct_fields__},
        measurement=measurement,
        case=str(case),
        **{name: getattr(details, name) for name in ("run_id", "suite_version", "started_at", "finished_at")},
        git_commit=revision.commit if environment is None else environment.git_commit,
        git_dirty=revision.dirty if environment is None else environment.git_dirty,
        precision=case.precision,
        samples_per_second=_samples_per_second(details),
        matmul_tflops=getattr(details, "matmul_tflops", None),
        machine=ordered({**(machine or {}), **_reported_machine(details)}),
        machine_verdict=getattr(getattr(details, "machine", None), "verdict", None),
        versions={} if environment is None else _versions(environment),
        settings={name: getattr(details, name) for name in SETTINGS} if isinstance(details, PlanDetails) else {},
        light=isinstance(details, LightDetails),
        failure=failure_of(artifact),
    )


def short_revision(line: HistoryLine) -> str:
    """The commit of the suite, shortened, with a "+" if its files differed from it; empty if it is not known."""
    return f"{line.git_commit[:8]}{'+' if line.git_dirty else ''}" if line.git_commit else ""


def environment_of(artifact: Header) -> Environment | None:
    """What the ranks reported; None for a case that did not reach its end."""
    details = details_of(artifact)
    return details.environment if isinstance(details, MeasuredDetails) else None


def _samples_per_second(details: Provenance) -> float | None:
    """`details.samples_per_second`, or that of the measured steps; rounded as FINAL_RESULT is."""
    rate = getattr(details, "samples_per_second", None)
    samples, seconds = getattr(details, "samples", None), getattr(details, "measured_seconds", None)
    if rate is None and samples and seconds:
        rate = samples / seconds
    return round(rate, 3) if isinstance(rate, int | float) else None


def _reported_machine(details: Provenance) -> dict[str, str]:
    if not isinstance(details, MeasuredDetails):
        return {}
    return machine_key({"device": details.device, "environment": msgspec.to_builtins(details.environment)})


def _versions(environment: Environment) -> dict[str, str]:
    return {name: str(value) for name in VERSIONS if (value := getattr(environment, name)) is not None}
