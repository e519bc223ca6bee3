"""A finished case in one line, and the tables at the end of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.harness.report.tables import table
from benchmarks.harness.results.artifact import Header
from benchmarks.harness.results.common import describe_failure, details_of, failure_of
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement
from benchmarks.harness.results.speed_artifact import TimedDetails

SHOWN_PARTS = 5

Row = tuple[Measurement, Case, Header, Path]
"""A measurement of a case, its artifact, and the path of the artifact."""


def result_line(measurement: Measurement, case: Case, artifact: Header) -> str:
    """A case that has ended, well or not, in one line."""
    failure = failure_of(artifact)
    return f"{case}: {measurement.line(artifact) if failure is None else describe_failure(failure)}"


def summary_tables(rows: Iterable[Row], base: Path) -> list[tuple[str, list[str]]]:
    """Title and lines of one table per measurement that was taken. Paths are shown relative to `base`."""
    rows = list(rows)
    return [
        (measurement.title, _table(measurement, own, base))
        for measurement in MEASUREMENTS.values()
        if (own := [row for row in rows if row[0] is measurement])
    ]


def time_spent(rows: Iterable[Row]) -> str | None:
    """Where the seconds of the speed cases went, all together, in one line; None without such a case."""
    found = [details for _, _, artifact, _ in rows if isinstance(details := details_of(artifact), TimedDetails)]
    if not found:
        return None
    total, warm_up, measured, fixed = (
        sum(getattr(each, name) for each in found)
        for name in ("total_seconds", "warmup_seconds", "measured_seconds", "overhead_seconds")
    )
    parts: Counter[str] = Counter()
    for each in found:
        parts.update(each.overhead)
    largest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.most_common(SHOWN_PARTS))
    cases = "1 case" if len(found) == 1 else f"{len(found)} cases"
    return (
        f"{cases}: {total:.1f} s = {measured:.1f} measured + {warm_up:.1f} warm-up + {fixed:.1f} fixed "
        f"(largest: {largest})"
    )


def data_remarks(rows: Iterable[Row]) -> list[str]:
    """The oddities of the annotations in the cases' data sets, each line once."""
    data = [getattr(details_of(artifact), "data", None) for _, _, artifact, _ in rows]
    return list(dict.fromkeys(remark for each in data if each is not None for remark in each.remarks))


def _table(measurement: Measurement, rows: list[Row], base: Path) -> list[str]:
    headings = ("case", *measurement.headings, "status", "artifact")
    cells = [_cells(measurement, row, base) for row in rows]
    return table([headings, *cells], numeric=range(1, len(headings) - 2))


def _cells(measurement: Measurement, row: Row, base: Path) -> list[str]:
    _, case, artifact, path = row
    shown = str(path.relative_to(base) if path.is_relative_to(base) else path)
    failure = failure_of(artifact)
    middle = measurement.cells(artifact) or ["-"] * len(measurement.headings)
    return [str(case), *middle, "ok" if failure is None else failure.kind, shown]
