"""The memory measurement: from a run to its artifact, and what the gate recomputes."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
from msgspec import structs

from benchmarks.cases import Case
from benchmarks.harness.protocol.memory_report import MemoryReport, Snapshot
from benchmarks.harness.protocol.records import Failure, RankResult
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.results.artifact import UnfinishedDetails
from benchmarks.harness.results.checks.memory import memory_contradictions, memory_training_problems
from benchmarks.harness.results.checks.ranks import disagreement
from benchmarks.harness.results.checks.training import wrong_training
from benchmarks.harness.results.common import header, measured_fields, optional, plan_fields
from benchmarks.harness.results.formats import MEMORY
from benchmarks.harness.results.measurement import Parameters
from benchmarks.harness.results.memory_artifact import MemoryArtifact, MemoryDetails, RankMemory
from benchmarks.harness.results.memory_shares import (
    NO_SLOPE,
    bytes_per_sample,
    idle_process,
    kept_for_backward,
    shares_of,
)
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.redaction import redact
from ocr_models.files import atomic_write

MEBIBYTE = 2**20
SNAPSHOT_SUFFIX = ".snapshot.pickle"

SHOWN_AS_THEY_ARE = (
    *("peak_bytes", "peak_source", "host_peak_bytes", "loader_peak_bytes", "tensors", "step", "moment", "moment_note"),
    *("batch_peaks", "allocator", "graph_pool_bytes"),
)
"""Fields of the report of the rank with the highest peak."""

MEMORY_STEPS = {"cpu": 3, "cuda": 5}
"""The peak of a step hardly differs from that of the next one."""


def parameters(case: Case, _settings: Settings) -> Parameters:
    """Few steps, for which an option may have another number."""
    return Parameters(steps=MEMORY_STEPS[case.device])


def build(run: Run, log_path: Path, _artifact_folder: Path) -> MemoryArtifact:
    """The memory JSON of a run, good or failed."""
    if run.failure is not None:
        details = UnfinishedDetails(
            **plan_fields(run), steps_done=len(run.records), total_seconds=run.seconds, failure=run.failure
        )
        return MemoryArtifact(**header(run, log_path, MEMORY, value=0, failure=run.failure), details=details)
    finished = _details(run)
    failure = disagreement(run.results) or wrong_training(memory_training_problems(finished))
    artifact = _finished(run, log_path, finished, failure)
    if failure is None and (found := contradictions(artifact)):
        return _finished(run, log_path, finished, Failure("wrong_result", printable(found[0])))
    return artifact


def _finished(run: Run, log_path: Path, details: MemoryDetails, failure: Failure | None) -> MemoryArtifact:
    return MemoryArtifact(
        **header(run, log_path, MEMORY, value=details.peak_bytes / MEBIBYTE, failure=failure),
        details=structs.replace(details, failure=optional(failure)),
    )


def keep_snapshot(left: Path, path: Path) -> None:
    """Copy what rank 0 has left, without private data.

    Raises:
        OSError: if it cannot be copied, or there is none; then the report of rank 0 says why, unless it was lost.
    """
    with left.open("rb") as source, atomic_write(path) as file:
        shutil.copyfileobj(source, file)


def _snapshot(run: Run, first: MemoryReport) -> tuple[Snapshot | None, str | None]:
    """The snapshot next to the artifact, and why there is none."""
    if first.snapshot is None or run.attachment_problem is not None:
        return None, first.snapshot_note or run.attachment_problem
    return structs.replace(first.snapshot, file=f"{MEMORY.file_name(run.case.log_name)}{SNAPSHOT_SUFFIX}"), None


def _own(result: RankResult) -> MemoryReport:
    return msgspec.json.decode(result.own, type=MemoryReport)


def _details(run: Run) -> MemoryDetails:
    reports = [_own(result) for result in run.results]
    most = max(range(len(reports)), key=lambda rank: (reports[rank].peak_bytes, -rank))
    own, first = reports[most], reports[0]
    slope = bytes_per_sample(own.batch_peaks)
    reserved = own.peak_reserved_bytes
    snapshot, snapshot_note = _snapshot(run, first)
    return MemoryDetails(
        **plan_fields(run),
        **measured_fields(run),
        **{name: getattr(own, name) for name in SHOWN_AS_THEY_ARE},
        memory_of="device" if run.case.device == "cuda" else "process",
        of_rank=most,
        fragmentation_bytes=None if reserved is None else max(0, reserved - own.peak_bytes),
        shares=shares_of(own.peak_bytes, own.tensors, own.moment, idle_process(own), own.graph_pool_bytes),
        kept_for_backward_bytes=kept_for_backward(own.step),
        bytes_per_sample=slope,
        batch_note=_redacted(own.batch_note) if slope is not None or own.batch_note else NO_SLOPE,
        snapshot=snapshot,
        snapshot_note=_redacted(snapshot_note),
        ranks=[
            RankMemory(rank, each.peak_bytes, each.peak_reserved_bytes, each.host_peak_bytes)
            for rank, each in enumerate(reports)
        ],
    )


def _redacted(note: str | None) -> str | None:
    """An error of the system names paths."""
    return None if note is None else redact(note)


def contradictions(artifact: MemoryArtifact) -> list[str]:
    """Fields that contradict JOB_FAIL_FLAG 0, a line each. For the gate, and for `build`."""
    return memory_contradictions(artifact)


def line(artifact: MemoryArtifact) -> str:
    """A good result in one line."""
    details = artifact.details
    assert isinstance(details, MemoryDetails)
    shares = {name: size for name, size in structs.asdict(details.shares).items() if size}
    largest = sorted(shares, key=lambda name: -shares[name])[:3]
    shown = ", ".join(f"{_words(name)} {shares[name] / details.peak_bytes:.0%}" for name in largest)
    slope = details.bytes_per_sample
    per_sample = "" if slope is None else f", {_mebibytes(slope)} MiB per sample"
    what = "allocated" if details.memory_of == "device" else "resident"
    return f"{artifact.FINAL_RESULT:.1f} MiB {what} at the peak: {shown}{per_sample}"


HEADINGS = (
    "peak MiB",
    "parameters",
    "gradients",
    "optimizer",
    "activations",
    "process",
    "other",
    "per sample",
    "host peak",
)
UNKNOWN = "-"


def cells(artifact: MemoryArtifact) -> list[str]:
    """The cells of a row under HEADINGS, all in MiB; empty if the case did not reach its end."""
    details = artifact.details
    if not isinstance(details, MemoryDetails):
        return []
    shares = details.shares
    figures = (
        *(details.peak_bytes, shares.parameters, shares.gradients, shares.optimizer_state, shares.activations),
        shares.process,
        *(shares.other, details.bytes_per_sample, details.host_peak_bytes),
    )
    return [_mebibytes(each) for each in figures]


def _mebibytes(size: float | None) -> str:
    return UNKNOWN if size is None else f"{size / MEBIBYTE:.1f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
