"""How close several processes come to the ideal, if the single-process case was measured into the same folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from msgspec import structs

from benchmarks.cases import Case, parse_case
from benchmarks.harness.protocol.reports import Environment, SharedReport
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.checks.case import mismatch, result_mismatch
from benchmarks.harness.results.common import details_of, plan_fields
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.speed_artifact import Scaling, SpeedDetails, TimedDetails, TimedRank
from benchmarks.harness.results.store import ArtifactError, read_as

CONDITIONS = "image_size", "compile", "compile_mode", "data_source", "image_cache", "memory_format", "device", "data"
"""Details that must agree for two results to be comparable; of the environment everything but the commit."""


def baseline_of(case: Case) -> Case:
    """The single-process case of the same batch per process."""
    return replace(case, mode="sp", batch_size=case.batch_size_per_process, processes=1)


def scaling(run: Run, rate: float, shared: SharedReport, artifact_folder: Path) -> Scaling | None:
    """Throughput compared with the ideal: that of the single-process case of the same batch per process, times GPUs.

    On the CPU the processes share the cores that the single process had, so the ideal is the throughput of that case.
    None for a single process, and if `artifact_folder` has no good result of it from the same environment.
    """
    case = run.case
    found = None if case.mode == "sp" else _good_baseline(case, artifact_folder, light=run.plan.light)
    if found is None or not _comparable(run, shared, found[1]):
        return None
    return Scaling(baseline=str(baseline_of(case)), efficiency=_efficiency(case, rate, found[0]))


def scaling_mismatch(artifact: Header, artifact_folder: Path) -> list[str]:
    """A line if the efficiency is not what the baseline yields that lies in the folder. One that was measured later is
    not the one that was compared with.
    """
    details = details_of(artifact)
    if not isinstance(details, TimedDetails) or details.scaling is None:
        return []
    case = parse_case(details.case)
    found = _good_baseline(case, artifact_folder, light=not isinstance(details, SpeedDetails))
    if found is None or (end := found[1].finished_at) is None or end > details.started_at:
        return []
    efficiency = _efficiency(case, details.samples / details.measured_seconds, found[0])
    return mismatch("scaling.efficiency", details.scaling.efficiency, efficiency)


def _efficiency(case: Case, rate: float, baseline: Header) -> float:
    return rate / (baseline.FINAL_RESULT * max(1, case.gpu_count))


def _good_baseline(case: Case, artifact_folder: Path, *, light: bool) -> tuple[Header, TimedDetails[TimedRank]] | None:
    """The artifact of the baseline and its details; None if there is none, it failed, or contradicts itself.

    Only a light run may rest on a light one: a full artifact must not depend on steps that no reference check confirms.
    """
    try:
        artifact = read_as(artifact_folder / SPEED.file_name(baseline_of(case).log_name), SPEED)
    except ArtifactError:
        return None
    details = artifact.details
    if artifact.JOB_FAIL_FLAG or not isinstance(details, TimedDetails if light else SpeedDetails):
        return None
    return None if result_mismatch(artifact, details.samples / details.measured_seconds) else (artifact, details)


def _comparable(run: Run, shared: SharedReport, details: TimedDetails[TimedRank]) -> bool:
    """Whether a run and the details of a baseline have the same conditions."""
    ours = {**plan_fields(run), **structs.asdict(shared)}
    same = all(ours[name] == getattr(details, name) for name in CONDITIONS)
    return same and _without_commit(shared.environment) == _without_commit(details.environment)


def _without_commit(environment: Environment) -> Environment:
    return structs.replace(environment, git_commit=None, git_dirty=None)
