"""What the artifacts of all measurements share."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypedDict

from msgspec import UNSET, UnsetType, structs

from benchmarks.cases import Precision, RunMode
from benchmarks.harness.protocol.compile_modes import CompileMode
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.reports import Environment, MemoryPeaks, SharedReport
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.results.artifact import SCHEMA_VERSION, Header, Provenance
from benchmarks.harness.results.formats import ArtifactFormat
from benchmarks.harness.results.gradient_scaling import gradient_scaling
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.rank_differences import rank_differences
from benchmarks.harness.results.redaction import redact
from benchmarks.harness.results.speed_artifact import TimedRank
from benchmarks.harness.results.training_details import training_details

DISTRIBUTION = "ocr-training-benchmarks"


class HeaderFields(TypedDict):
    """The ten fields, as arguments of an artifact type."""

    log_file: str
    model_name: str
    mission_name: str
    direction_id: Literal[0, 1, 2]
    run_mode: RunMode
    index: int
    gpu_num: int
    FINAL_RESULT: float
    JOB_FAIL_FLAG: Literal[0, 1]
    UNIT: str


class IdentityFields(TypedDict):
    """Which program writes the artifact, and when."""

    schema_version: int
    suite_version: str
    run_id: str
    started_at: datetime
    finished_at: datetime | None


class PlanFields(IdentityFields):
    """What is known of a run before its first step."""

    case: str
    precision_requested: Precision
    compile: bool
    compile_mode: CompileMode | None
    image_size: int | None
    warmup_steps: int
    warmup_steps_requested: int | None
    measured_steps: int
    batch_size_per_process: int
    nodes: int
    processes: int
    threads_per_process: int
    loader_workers_per_process: int
    seed: int
    data_source: Literal["synthetic", "files"]
    image_cache: Literal["none", "decoded"]


def header(
    run: Run,
    log_path: Path,
    form: ArtifactFormat[Any],
    *,
    value: float,
    failure: Failure | None,
    unit: str | None = None,
) -> HeaderFields:
    """The ten fields of a run. With a failure the flag is 1 and the result 0. `unit` if the format does not set it."""
    fields = HeaderFields(
        log_file=shown_path(log_path),
        model_name=run.case.model_name,
        mission_name="OCR",
        direction_id=0,
        run_mode=run.case.mode,
        index=form.index,
        gpu_num=run.case.gpu_count,
        FINAL_RESULT=0,
        JOB_FAIL_FLAG=1,
        UNIT=form.unit or unit or "",
    )
    return with_verdict(fields, value, failure)


def with_verdict(fields: HeaderFields, value: float, failure: Failure | None) -> HeaderFields:
    """Clear the flag, last of all, if there is no failure: an error before this leaves a failed artifact."""
    if failure is None:
        fields["FINAL_RESULT"] = round(value, 3)
        fields["JOB_FAIL_FLAG"] = 0
    return fields


def plan_fields(run: Run) -> PlanFields:
    """The fields of `PlanDetails`."""
    plan, case = run.plan, run.case
    return PlanFields(
        **identity_fields(run.run_id, run.started_at, run.finished_at),
        case=str(case),
        precision_requested=case.precision,
        compile=case.compile,
        compile_mode=plan.compile_mode,
        image_size=plan.image_size,
        warmup_steps=plan.warmup_steps,
        warmup_steps_requested=plan.warmup_steps_requested,
        measured_steps=plan.steps,
        batch_size_per_process=case.batch_size_per_process,
        nodes=plan.nodes,
        processes=case.processes,
        threads_per_process=plan.threads,
        loader_workers_per_process=plan.loader_workers,
        seed=plan.seed,
        data_source=plan.data_source,
        image_cache=plan.image_cache,
    )


def identity_fields(run_id: str, started_at: float, finished_at: float) -> IdentityFields:
    """Times are Unix times in seconds; 0 for one that has not come."""
    return IdentityFields(
        schema_version=SCHEMA_VERSION,
        suite_version=suite_version(),
        run_id=run_id,
        started_at=_utc(started_at),
        finished_at=_utc(finished_at) if finished_at else None,
    )


def measured_fields(run: Run) -> dict[str, Any]:
    """The fields that `MeasuredDetails` adds to those of the plan, of a run that has results."""
    model = run.results[0].report.model
    assert model is not None, "rank 0 reports what the network computes"
    return {
        **structs.asdict(shared_report(run)),
        **structs.asdict(model),
        "rank_differences": rank_differences(run.results),
        "training": training_details(run.results),
        "total_seconds": run.seconds,
        "gradient_scaling": gradient_scaling(run.results[0].records),
        **structs.asdict(largest_peaks([result.report.memory for result in run.results])),
    }


def largest_peaks(ranks: Sequence[MemoryPeaks | TimedRank]) -> MemoryPeaks:
    """Of several ranks; a figure is None if all lack it."""

    def largest(field: str) -> int | None:
        return max((value for rank in ranks if (value := getattr(rank, field)) is not None), default=None)

    return MemoryPeaks(
        peak_memory_bytes=largest("peak_memory_bytes") or 0,
        peak_reserved_bytes=largest("peak_reserved_bytes"),
        run_peak_reserved_bytes=largest("run_peak_reserved_bytes"),
    )


def shared_report(run: Run) -> SharedReport:
    """What should be the same on all ranks, as rank 0 has it, without private data."""
    shared = run.results[0].report.shared
    data = shared.data
    remarks = [redact(remark) for remark in data.remarks]
    excluded = {redact(reason): number for reason, number in data.excluded.items()}
    return structs.replace(
        shared,
        device=redact(shared.device),
        data=structs.replace(data, layout=redact(data.layout), remarks=remarks, excluded=excluded),
        environment=_redacted(shared.environment),
    )


def _redacted(environment: Environment) -> Environment:
    fields = structs.asdict(environment).items()
    texts = {name: redact(text) for name, text in fields if isinstance(text, str)}
    lists = {name: [redact(line) for line in lines] for name, lines in fields if isinstance(lines, list)}
    return structs.replace(environment, **texts, **lists)


def optional(failure: Failure | None) -> Failure | UnsetType:
    """A failure as a field that is absent if there is none."""
    return UNSET if failure is None else failure


def details_of(artifact: Header) -> Provenance:
    """The details of any artifact: their type depends on the measurement and on `source`."""
    details: Provenance = artifact.details  # type: ignore[attr-defined]  # every artifact type adds it, as its last field
    return details


def failure_of(artifact: Header) -> Failure | None:
    """Why an artifact is flagged; None if it is good."""
    failure = getattr(details_of(artifact), "failure", None)
    return failure if isinstance(failure, Failure) else None


def describe_failure(failure: Failure) -> str:
    """A failure in one line for a terminal: "killed (rank 1): rank 1 was killed by SIGKILL"."""
    rank = "" if failure.rank is None else f" (rank {failure.rank})"
    return printable(f"{failure.kind}{rank}: {failure.message}")


def shown_path(path: Path) -> str:
    """A path for an artifact, without private data; relative if it is below the project root.

    The last two parts, such as `train_log/ocr_PSENet_sp_bs8_fp32_1`, are chosen by the suite and stay as they are.
    """
    parts = (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).parts
    return str(Path(redact(str(Path(*parts[:-2]))), *parts[-2:]))


def new_run_id() -> str:
    """32 hexadecimal digits, different for every artifact."""
    return uuid.uuid4().hex


@cache
def suite_version() -> str:
    """Version of the installed project; the clone may also be used without being installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
