"""A line of the history as cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import NamedTuple

from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.history import HistoryLine, short_revision
from benchmarks.harness.results.machine_key import short_name
from benchmarks.history.selection import Row

NONE = "-"


class Column(NamedTuple):
    """A column of the table. On a narrow terminal that with the highest `rank` is left out first; 0 never is."""

    heading: str
    cell: Callable[[Row], str]
    rank: int
    numeric: bool = False


def utc(moment: datetime) -> str:
    """To the minute."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(" ", "minutes")


def name(line: HistoryLine) -> str:
    """Of a case; as in file names and in the gate's `--expect`, a measurement other than speed is appended."""
    return line.case if line.measurement == SPEED.name else f"{line.case}_{line.measurement}"


def status(line: HistoryLine) -> str:
    """What became of the measurement, in a word or two."""
    if line.JOB_FAIL_FLAG:
        return line.failure.kind if line.failure else "failed"
    return "ok, light" if line.light else "ok"


def percent(row: Row) -> str:
    """The change of the result. "?" if the machine was disturbed in one of the two runs."""
    if row.change.percent is None:
        return NONE
    return f"{row.change.percent:+.1f} %{' ?' if row.change.disturbed else ''}"


def _matmul(row: Row) -> str:
    return NONE if row.change.matmul_percent is None else f"{row.change.matmul_percent:+.1f} %"


def _result(line: HistoryLine) -> str:
    return NONE if line.JOB_FAIL_FLAG else f"{line.FINAL_RESULT:.3f}" if line.FINAL_RESULT < 1e15 else NONE


def _rate(line: HistoryLine) -> str:
    rate = line.samples_per_second
    return NONE if rate is None or not rate < 1e15 else f"{rate:.3f}"


CHANGED = Column("changed", lambda row: ", ".join(row.change.conditions), 7)

COLUMNS = (
    Column("started (UTC)", lambda row: utc(row.line.started_at), 0),
    Column("case", lambda row: name(row.line), 0),
    Column("result", lambda row: _result(row.line), 0, numeric=True),
    Column("unit", lambda row: row.line.UNIT, 1),
    Column("change", percent, 0, numeric=True),
    Column("matmul", _matmul, 4, numeric=True),
    Column("samples/s", lambda row: _rate(row.line), 6, numeric=True),
    Column("status", lambda row: status(row.line), 0),
    Column("revision", lambda row: short_revision(row.line) or NONE, 2),
    Column("machine", lambda row: short_name(row.line.machine) if row.line.machine else NONE, 3),
    Column("machine was", lambda row: row.line.machine_verdict or NONE, 5),
    CHANGED,
)
