"""How close several processes come to the ideal, if the single-process case was measured into the same folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from msgspec import structs

from benchmarks.harness.protocol.reports import Environment, SharedReport
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.artifact import Scaling, SpeedDetails
from benchmarks.harness.results.common import plan_fields
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.store import ArtifactError, read_as

CONDITIONS = ("image_size", "compile", "data_source", "image_cache", "device", "data")
"""Details that must agree for two results to be comparable; of the environment everything but the commit."""


def scaling(run: Run, rate: float, shared: SharedReport, artifact_folder: Path) -> Scaling | None:
    """Throughput compared with the ideal: that of the single-process case of the same batch per process, times GPUs.

    On the CPU the processes share the cores that the single process had, so the ideal is the throughput of that case.
    None for a single process, and if `artifact_folder` has no good result of it from the same environment.
    """
    case = run.case
    if case.mode == "sp":
        return None
    baseline = replace(case, mode="sp", batch_size=case.batch_size_per_process, processes=1)
    try:
        artifact = read_as(artifact_folder / SPEED.file_name(baseline.log_name), SPEED)
    except ArtifactError:
        return None
    details = artifact.details
    if artifact.JOB_FAIL_FLAG or not isinstance(details, SpeedDetails):
        return None
    if not _comparable(run, shared, details):
        return None
    ideal = artifact.FINAL_RESULT * max(1, case.gpu_count)
    return Scaling(baseline=str(baseline), efficiency=rate / ideal)


def _comparable(run: Run, shared: SharedReport, details: SpeedDetails) -> bool:
    """Whether a run and the details of a baseline have the same conditions."""
    ours = {**plan_fields(run), **structs.asdict(shared)}
    same = all(ours[name] == getattr(details, name) for name in CONDITIONS)
    return same and _without_commit(shared.environment) == _without_commit(details.environment)


def _without_commit(environment: Environment) -> Environment:
    return structs.replace(environment, git_commit=None, git_dirty=None)
