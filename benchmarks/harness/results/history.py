"""`history.jsonl`: a line per measurement. An artifact is replaced by the next run of its case; its line stays."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.results.artifact import Header, MeasuredDetails
from benchmarks.harness.results.common import details_of, failure_of
from benchmarks.harness.results.speed_artifact import LightDetails

HISTORY = "history.jsonl"


class HistoryLine(Header, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """The ten fields of an artifact, and which run they are of. Times are UTC.

    Attributes:
        measurement: for example "speed".
        case: its name, which the ten fields do not tell in full.
        git_commit, git_dirty: of the suite; None if the case did not reach its end.
        light: whether `--ocr-light` left out the probes of a case that reached its end.
        failure: None if the artifact is good.
    """

    measurement: str
    case: str
    run_id: str
    suite_version: str
    started_at: datetime
    finished_at: datetime | None
    git_commit: str | None = None
    git_dirty: bool | None = None
    light: bool = False
    failure: Failure | None = None


def history_line(artifact: Header, measurement: str, case: str) -> HistoryLine:
    """The line of an artifact, good or failed."""
    details = details_of(artifact)
    environment = details.environment if isinstance(details, MeasuredDetails) else None
    return HistoryLine(
        **{name: getattr(artifact, name) for name in Header.__struct_fields__},
        measurement=measurement,
        case=case,
        **{name: getattr(details, name) for name in ("run_id", "suite_version", "started_at", "finished_at")},
        git_commit=None if environment is None else environment.git_commit,
        git_dirty=None if environment is None else environment.git_dirty,
        light=isinstance(details, LightDetails),
        failure=failure_of(artifact),
    )


def append(path: Path, line: HistoryLine) -> None:
    """Append a line with one write, and wait until it is on the disk.

    A process that died or a full disk may have left half a line: the new one then begins after a line end.

    Raises:
        OSError: if it cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
        data = (b"" if whole else b"\n") + msgspec.json.encode(line) + b"\n"
        if os.write(descriptor, data) != len(data):
            raise OSError(f"{path.name}: only a part of a line was written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> tuple[list[HistoryLine], int]:
    """The lines of a history in their order, and the number of damaged lines, which are left out.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        lines = [_decoded(line) for line in file if line.strip()]
    found = [line for line in lines if line is not None]
    return found, len(lines) - len(found)


def _decoded(line: bytes) -> HistoryLine | None:
    try:
        return msgspec.json.decode(line, type=HistoryLine)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last for nesting thousands deep
        return None
