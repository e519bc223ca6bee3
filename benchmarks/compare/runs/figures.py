"""The figures of a run, read from the speed JSON that it left: the ten fields are the contract, `details` may add."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from msgspec import structs

from benchmarks.compare.document import MachineState, Pair, RunFigures
from benchmarks.harness.protocol.text import printable_line
from benchmarks.harness.results.documents import Document, at, number, positive, text
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.reading import DocumentError, read_document
from benchmarks.harness.results.redaction import redact

ROUNDING = 0.001
"""FINAL_RESULT has three decimals."""

CpuSource = Literal["ranks", "case"]


class ArtifactError(Exception):
    """A speed JSON that cannot be used: one line."""


def read_speed_json(path: Path) -> Document:
    """Raises ArtifactError if the file is not a speed JSON."""
    try:
        document = read_document(path)
    except DocumentError as error:
        raise ArtifactError(f"{path.name}: {error}") from None
    except OSError as error:
        raise ArtifactError(f"{path.name} cannot be read: {error.strerror}") from None
    except ValueError:  # of the path, which a document may name
        raise ArtifactError(f"{printable(path.name)}: not a path") from None
    if not isinstance(document, dict) or not {"FINAL_RESULT", "JOB_FAIL_FLAG", "index"} <= document.keys():
        raise ArtifactError(f"{path.name}: not a speed JSON: FINAL_RESULT, JOB_FAIL_FLAG or index is missing")
    if document["index"] != 1:
        raise ArtifactError(f"{path.name}: index is {document['index']!r}; only speed, 1, can be compared")
    return document


def run_figures(
    path: Path, *, artifact: str, started_at: datetime | None = None, command_seconds: float | None = None
) -> RunFigures:
    """The figures of the run that left the artifact at `path`. Never raises: `failure` says what is wrong with it.

    `artifact` is its path for the document. Without `started_at` and `command_seconds`, which the caller measured,
    those of the artifact are taken.
    """
    try:
        document = read_speed_json(path)
    except ArtifactError as error:
        return failed_run(artifact, started_at or _now(), command_seconds or 0.0, str(error))
    rate, failure = samples_per_second(document), failure_in(document)
    if failure is None and rate is None:
        failure = f"{path.name}: FINAL_RESULT is {document['FINAL_RESULT']!r}, but JOB_FAIL_FLAG is 0"
    failure = failure or _contradiction(document)
    of_case = _cpu_seconds_of_case(document)
    of_ranks = _cpu_seconds_of_ranks(document)
    source: CpuSource | None = "ranks" if of_ranks else "case" if of_case else None
    seconds = number(document, "details.total_seconds") or 0.0 if command_seconds is None else command_seconds
    return RunFigures(
        artifact=artifact,
        run_id=text(document, "details.run_id"),
        started_at=started_at or _time(document) or _now(),
        command_seconds=seconds,
        samples_per_second=None if failure else rate,
        cpu_seconds_per_sample=None if failure else of_ranks or of_case,
        cpu_source=None if failure else source,
        case_cpu_seconds_per_sample=None if failure else of_case,
        threads=_threads(document),
        processes=_count(document, "details.processes"),
        loader_workers=_count(document, "details.loader_workers_per_process"),
        machine=machine_state(document),
        reasons=_reasons(document),
        light=text(document, "details.source") == "light_run",
        failure=failure,
    )


def failed_run(
    artifact: str, started_at: datetime, command_seconds: float, failure: str, light: bool = False
) -> RunFigures:
    """Of a run without a usable artifact."""
    return RunFigures(
        artifact=artifact,
        run_id=None,
        started_at=started_at,
        command_seconds=command_seconds,
        samples_per_second=None,
        cpu_seconds_per_sample=None,
        cpu_source=None,
        threads=None,
        machine="unknown",
        reasons=[],
        light=light,
        failure=_line(failure),
    )


def pair(
    number: int,
    attempt: int,
    *,
    head_first: bool,
    base: RunFigures | None,
    head: RunFigures | None,
    counted: bool = True,
) -> Pair:
    """A pair with its ratios, head / base."""
    ratio = cpu_ratio = None
    if base is not None and head is not None:
        if base.samples_per_second and head.samples_per_second:
            ratio = head.samples_per_second / base.samples_per_second
        cpu_ratio = _cpu_ratio(base, head)
    return Pair(
        number=number,
        attempt=attempt,
        head_first=head_first,
        counted=counted,
        base=base,
        head=head,
        ratio=ratio,
        cpu_ratio=cpu_ratio,
    )


def without_result(figures: RunFigures, failure: str) -> RunFigures:
    """The same of a run that failed."""
    return structs.replace(
        figures,
        samples_per_second=None,
        cpu_seconds_per_sample=None,
        cpu_source=None,
        case_cpu_seconds_per_sample=None,
        failure=failure,
    )


def _cpu_ratio(base: RunFigures, head: RunFigures) -> float | None:
    """Of CPU seconds that were counted in one way, by ranks of one form: threads that wait, and loader processes, use
    CPU seconds of their own.
    """
    forms = [(run.threads, run.processes, run.loader_workers) for run in (base, head)]
    if forms[0] != forms[1] or None in forms[0]:
        return None
    ours, theirs = base.cpu_seconds_per_sample, head.cpu_seconds_per_sample
    if base.cpu_source != head.cpu_source:
        ours, theirs = base.case_cpu_seconds_per_sample, head.case_cpu_seconds_per_sample
    return ours / theirs if ours and theirs else None


def samples_per_second(document: Document) -> float | None:
    """FINAL_RESULT, with the digits that it lacks if details have them."""
    return positive(document, "FINAL_RESULT") and (_rate_of_details(document) or positive(document, "FINAL_RESULT"))


def _rate_of_details(document: Document) -> float | None:
    samples, seconds = positive(document, "details.samples"), positive(document, "details.measured_seconds")
    return None if samples is None or seconds is None else samples / seconds


def _contradiction(document: Document) -> str | None:
    """Whether the result is not that of its details, beyond rounding."""
    result, rate = positive(document, "FINAL_RESULT"), _rate_of_details(document)
    if result is None or rate is None or abs(rate - result) <= ROUNDING:
        return None
    return f"FINAL_RESULT is {result:g}, but details.samples / details.measured_seconds is {rate:g}"


def _cpu_seconds_of_ranks(document: Document) -> float | None:
    """Per sample, that each rank counted of its own in the measured steps; without loader processes. None on a GPU,
    whose host mostly waits.
    """
    samples, ranks = positive(document, "details.samples"), at(document, "details.ranks")
    if number(document, "gpu_num") != 0 or samples is None or not isinstance(ranks, list) or not ranks:
        return None
    counted = [positive(rank, "cpu_seconds") for rank in ranks]
    known = [each for each in counted if each is not None]
    return sum(known) / samples if len(known) == len(counted) else None


def _cpu_seconds_of_case(document: Document) -> float | None:
    """Per sample, that the machine's sampler counted of the ranks with their loader processes, between the samples
    around the measured steps. None on a GPU.
    """
    samples = positive(document, "details.samples")
    if number(document, "gpu_num") != 0 or samples is None:
        return None
    used, observed = (
        positive(document, "details.machine.case_cpu_seconds"),
        positive(document, "details.machine.observed_seconds"),
    )
    seconds = positive(document, "details.measured_seconds")
    if used is None or observed is None or seconds is None:
        return None
    return used / observed * seconds / samples


def machine_state(document: Document) -> MachineState:
    """The machine verdict of the artifact."""
    verdict = at(document, "details.machine.verdict")
    return verdict if verdict in ("quiet", "disturbed") else "unknown"


def _reasons(document: Document) -> list[str]:
    found = at(document, "details.machine.reasons")
    return [_line(each) for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _count(document: Document, path: str) -> int | None:
    value = number(document, path)
    return int(value) if value is not None and value >= 0 and value == int(value) else None


def _threads(document: Document) -> int | None:
    """Of all ranks."""
    each, processes = positive(document, "details.threads_per_process"), positive(document, "details.processes")
    return None if each is None else max(1, int(each * (processes or 1)))


def failure_in(document: Document) -> str | None:
    """Why the artifact is flagged, "kind: message"; None if it is good."""
    if document["JOB_FAIL_FLAG"] == 0 and not isinstance(document["JOB_FAIL_FLAG"], bool):
        return None
    message = text(document, "details.failure.message") or text(document, "details.failure")
    if message is None:
        return "JOB_FAIL_FLAG is set, without a reason"
    kind = text(document, "details.failure.kind")
    return _line(f"{kind}: {message}" if kind else message)


def versions_of(document: Document) -> dict[str, str]:
    """Versions that an artifact names. That of the suite is the one that is installed, whatever tree was measured."""
    names = ("python", "torch", "torchvision", "numpy", "opencv", "cuda", "cudnn", "nccl", "driver")
    found = {name: at(document, f"details.environment.{name}") for name in names}
    return {name: _line(str(value)) for name, value in found.items() if value is not None}


def _time(document: Document) -> datetime | None:
    try:
        found = datetime.fromisoformat((text(document, "details.started_at") or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _line(value: str) -> str:
    return printable_line(redact(value)) or "no reason given"
