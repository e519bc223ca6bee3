"""summary.json for programs and summary.md for people, written anew after each piece."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.cases import parse_case
from benchmarks.first_look.findings import Finding, read_findings, shown
from benchmarks.first_look.pieces import Request, cases_folder, findings_path
from benchmarks.first_look.runner import Outcome, Status
from benchmarks.harness.results import speed_table, store
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.speed_artifact import SpeedArtifact, SpeedDetails
from ocr_models.files import write_text_atomically


class PieceResult(Struct, frozen=True):
    """One piece in summary.json."""

    name: str
    question: str
    status: Status
    seconds: float
    remark: str
    findings: list[Finding]


class Summary(Struct, frozen=True):
    """The whole of summary.json."""

    model: str
    device: str
    small: bool
    minutes: float
    pieces: list[PieceResult]


def write_summary(request: Request, outcomes: list[Outcome]) -> None:
    """Write both files from the outcomes so far."""
    results = [_result(request.folder, outcome) for outcome in outcomes]
    summary = Summary(request.model, request.device, request.small, request.minutes, results)
    text = msgspec.json.format(msgspec.json.encode(summary), indent=2).decode()
    write_text_atomically(request.folder / "summary.json", text + "\n")
    write_text_atomically(request.folder / "summary.md", _page(summary))


def _result(folder: Path, outcome: Outcome) -> PieceResult:
    piece = outcome.piece
    found = read_findings(findings_path(folder, piece.name)) if piece.case is None else _of_case(folder, piece.case)
    return PieceResult(piece.name, piece.question, outcome.status, round(outcome.seconds, 1), outcome.remark, found)


def _of_case(folder: Path, name: str) -> list[Finding]:
    """The most important figures of a case's artifact; all of them are in the artifact."""
    path = cases_folder(folder) / "index" / SPEED.file_name(parse_case(name).log_name)
    if not path.exists():
        return []
    try:
        artifact = store.read_as(path, SPEED)
    except store.ArtifactError as error:
        return [Finding("artifact", str(error))]
    if failure := failure_of(artifact):
        return [Finding("failure", f"{failure.kind}: {failure.message}")]
    return _figures(artifact)


def _figures(artifact: SpeedArtifact) -> list[Finding]:
    details = artifact.details
    assert isinstance(details, SpeedDetails)
    found = [
        Finding("result", speed_table.line(artifact)),
        Finding("samples per second", artifact.FINAL_RESULT),
        Finding("step", 1e3 * details.step_seconds.p50, "ms"),
        Finding("share of the matmul rate", details.matmul_fraction),
    ]
    if details.mfu is not None:
        found.append(Finding("share of the vendor's peak", details.mfu))
    if details.roofline is not None:
        found.append(Finding("share of the roofline", details.roofline.fraction))
        found.append(Finding("moved per step by the eager program", details.roofline.bytes_per_step / 1e9, "GB"))
        if details.roofline.host_fraction is not None:
            host = details.roofline.host_fraction * details.measured_seconds / details.measured_steps
            found.append(Finding("host, to issue a step", 1e3 * host, "ms"))
    found.append(Finding("peak memory", details.peak_memory_bytes / 1e9, "GB"))
    found.append(Finding("everything but the steps", details.overhead_seconds, "s"))
    return found


def _page(summary: Summary) -> str:
    sizes = "; small sizes: these figures say nothing about the device" if summary.small else ""
    lines = [f"# First look: {summary.model} on {summary.device}{sizes}", ""]
    lines += ["| piece | status | seconds | remark |", "|---|---|---|---|"]
    lines += [f"| {each.name} | {each.status} | {each.seconds:.1f} | {_cell(each.remark)} |" for each in summary.pieces]
    for each in summary.pieces:
        if each.findings:
            lines += ["", f"## {each.name}", "", each.question, "", "| what | figure |", "|---|---|"]
            lines += [f"| {_cell(finding.name)} | {_cell(shown(finding))} |" for finding in each.findings]
    lines += ["", "docs/gpu.md says how to read this, and what to do next.", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
