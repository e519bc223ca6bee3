"""Whether the details of an artifact contradict its case or each other, whatever was measured.

Nothing here is an opinion about a machine: a right result never contradicts its case. The gate asks, and `build` asks
the same, so that a case never passes with an artifact that the gate refuses.
"""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import PurePath

from msgspec import structs

from benchmarks.cases import Case
from benchmarks.harness.protocol.precision import expected_settings
from benchmarks.harness.results.artifact import Header, MeasuredDetails, PlanDetails, UnfinishedDetails
from benchmarks.harness.results.common import details_of, failure_of
from benchmarks.harness.results.gradient_scaling import scaling_contradictions
from ocr_models import MODELS

RELATIVE_ROUNDING = 1e-6
"""A figure that is recomputed from others may differ by this: the order of additions, and nothing else."""

ANOTHER_CLOCK = 1.01
"""The processor of another node, or a GPU, may count seconds a little faster."""

ROUNDING_OF_RESULT = 6e-4
"""FINAL_RESULT has three decimals."""

GPU_VERSIONS = ("cuda", "cudnn", "nccl", "driver", "nccl_settings", "fork_safe", "gpu_links", "gpu_peer_access")


def case_contradictions(artifact: Header, case: Case, log_name: str) -> list[str]:
    """Fields of an artifact of a run, good or failed, that contradict its case; a line each.

    `log_name` is the file name of the train log.
    """
    details = details_of(artifact)
    assert isinstance(details, PlanDetails)
    wanted = {
        "log_file": (PurePath(artifact.log_file).name, log_name),
        "model_name": (artifact.model_name, case.model_name),
        "run_mode": (artifact.run_mode, case.mode),
        "gpu_num": (artifact.gpu_num, case.gpu_count),
        "details.precision_requested": (details.precision_requested, case.precision),
        "details.compile": (details.compile, case.compile),
        "details.compile_mode": (details.compile_mode, (details.compile_mode or "default") if case.compile else None),
        "details.batch_size_per_process": (details.batch_size_per_process, case.batch_size_per_process),
        "details.processes": (details.processes, case.processes),
    }
    return [
        *(f"{field}: {found}, but the case is {case}" for field, (found, right) in wanted.items() if found != right),
        *_impossible_plan(details, case),
        *_impossible_times(details),
        *_impossible_failure(artifact, details),
    ]


def measured_contradictions(details: MeasuredDetails, case: Case) -> list[str]:
    """Fields that a run without a failure cannot have; a line each."""
    settings, expected = structs.asdict(details.precision), structs.asdict(expected_settings(case.precision))
    found = [
        f"details.precision.{name}: {value}, but {case.precision} means {expected[name]}"
        for name, value in settings.items()
        if value != expected[name]
    ]
    found += scaling_contradictions(
        details.gradient_scaling, case.precision, details.warmup_steps, details.measured_steps
    )
    environment = details.environment
    if case.device == "cuda" and environment.cuda is None:
        found.append("details.environment.cuda: null, but the case runs on GPUs")
    if case.device == "cpu":
        versions = {name: getattr(environment, name) for name in GPU_VERSIONS}
        found += [
            f"details.environment.{name}: {version}, but the case runs on the CPU"
            for name, version in versions.items()
            if version is not None
        ]
    return found


def result_mismatch(artifact: Header, expected: float) -> list[str]:
    """A line if FINAL_RESULT is not the expected value, rounded to three decimals."""
    if abs(artifact.FINAL_RESULT - expected) <= ROUNDING_OF_RESULT + RELATIVE_ROUNDING * expected:
        return []
    return [f"FINAL_RESULT: {artifact.FINAL_RESULT:g}, but the details yield {expected:.3f}"]


def mismatch(field: str, found: float | None, expected: float | None) -> list[str]:
    """A line if a field is not what the other fields yield: a count exactly, another number but for rounding."""
    if isinstance(found, float) and isinstance(expected, float):
        same = math.isclose(found, expected, rel_tol=RELATIVE_ROUNDING, abs_tol=1e-9)
    else:
        same = found == expected
    return [] if same else [f"details.{field}: {_shown(found)}, but the other details yield {_shown(expected)}"]


def _impossible_plan(details: PlanDetails, case: Case) -> list[str]:
    found = []
    if case.processes % details.nodes:
        found.append(f"details.nodes: {details.nodes}, which cannot share {case.processes} processes")
    sizes, side = MODELS[case.model].image_sizes, details.image_size
    if sizes is None and side is not None:
        found.append(f"details.image_size: {side}, but {case.model} has a fixed input size")
    if sizes is not None and (side is None or not sizes.accepts(side)):
        found.append(f"details.image_size: {_shown(side)}, but {case.model} needs {sizes.rule}")
    return found


def _impossible_times(details: PlanDetails) -> list[str]:
    found = []
    times = {"started_at": details.started_at, "finished_at": details.finished_at}
    for name, time in times.items():
        if time is not None and time.utcoffset() != timedelta(0):
            found.append(f"details.{name}: {time.isoformat()}, which is not UTC")
    if details.finished_at is None:
        if not isinstance(details, UnfinishedDetails):
            found.append("details.finished_at: null, but the run has ended")
    elif details.finished_at < details.started_at:
        found.append("details.finished_at: before started_at")
    return found


def _impossible_failure(artifact: Header, details: PlanDetails) -> list[str]:
    found, failure = [], failure_of(artifact)
    if failure is not None and failure.rank is not None and failure.rank >= details.processes:
        found.append(f"details.failure.rank: {failure.rank}, but the ranks are 0 to {details.processes - 1}")
    steps = details.warmup_steps + details.measured_steps
    if isinstance(details, UnfinishedDetails) and details.steps_done > steps:
        found.append(f"details.steps_done: {details.steps_done}, but the run has {steps} steps")
    return found


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:g}"
