"""The selected lines as text: a table for a terminal, Markdown, CSV, or the lines themselves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

import msgspec

from benchmarks.harness.report import markdown
from benchmarks.harness.report.tables import table
from benchmarks.harness.results.machine_key import short_name
from benchmarks.harness.results.printable import printable
from benchmarks.history.columns import CHANGED, COLUMNS, Column, status
from benchmarks.history.selection import Row

MAX_MACHINES = 20
"""Machines that are described below a table."""


def as_table(rows: Sequence[Row], width: int | None) -> Iterator[str]:
    """A table no wider than `width`, None for any width. What changed then moves below its line, other columns are left
    out, and if that does not suffice, a line becomes two.
    """
    columns, left_out = list(COLUMNS), list[Column]()
    lines = _lines(columns, rows)
    while width is not None and _width(lines) > width and (last := max(columns, key=lambda each: each.rank)).rank:
        columns.remove(last)
        left_out.append(last)
        lines = _lines(columns, rows)
    if width is not None and _width(lines) > width:
        lines = [_two_lines(columns, row) for row in rows]
    else:
        yield lines.pop(0)
    for row, line in zip(rows, lines, strict=True):
        yield line
        if CHANGED in left_out:
            yield from (f"    changed: {printable(each)}" for each in row.change.conditions)
    yield ""
    if names := [each.heading for each in COLUMNS if each in left_out and each is not CHANGED]:
        yield f"not shown on this narrow terminal: {', '.join(names)}"
    yield from _legend(rows, columns)


def _legend(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    if any(row.change.percent is not None and row.change.disturbed for row in rows):
        yield "?: the machine was disturbed in one of the two runs"
    if any(column.heading == "machine" for column in columns):
        yield from _machines(rows)


def _lines(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    cells = [tuple(each.heading for each in columns), *(_cells(columns, row) for row in rows)]
    return table(cells, [number for number, each in enumerate(columns) if each.numeric])


def _two_lines(columns: Sequence[Column], row: Row) -> str:
    others = [each for each in columns if each.heading != "case"]
    return f"{printable(row.line.case)}\n  {printable('  '.join(_cells(others, row)))}"


def _cells(columns: Sequence[Column], row: Row) -> list[str]:
    return [each.cell(row) for each in columns]


def _width(lines: Sequence[str]) -> int:
    return max(map(len, lines))


def _machines(rows: Sequence[Row]) -> Iterator[str]:
    found = {short_name(row.line.machine): row.line.machine for row in rows if row.line.machine}
    for name, key in list(found.items())[:MAX_MACHINES]:
        yield f"machine {name}: {', '.join(f'{field} {printable(value)}' for field, value in key.items())}"
    if len(found) > MAX_MACHINES:
        yield f"and {len(found) - MAX_MACHINES} more machines"


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """A table for GitHub."""
    headings = [each.heading for each in COLUMNS]
    numeric = [number for number, each in enumerate(COLUMNS) if each.numeric]
    yield from markdown.rows(headings, [_cells(COLUMNS, row) for row in rows], numeric)
    yield ""
    yield from (f"- {markdown.escape(line)}" for line in _legend(rows, COLUMNS))


CSV_FIELDS = (
    *("started_at", "finished_at", "case", "measurement", "precision", "FINAL_RESULT", "UNIT", "JOB_FAIL_FLAG"),
    *("samples_per_second", "matmul_tflops", "machine_verdict", "light", "suite_version"),
    *("git_commit", "git_dirty", "run_id"),
)


def as_csv(rows: Sequence[Row]) -> Iterator[str]:
    """Fields under their names in the file, numbers in full; machine, versions and settings as JSON."""
    computed = ("status", "change_percent", "matmul_change_percent", "disturbed", "changed", "machine_name")
    yield _csv((*CSV_FIELDS, *computed, "machine", "versions", "settings"))
    for row in rows:
        fields = msgspec.to_builtins(row.line)
        objects = [json.dumps(fields[name]) for name in ("machine", "versions", "settings")]
        name = short_name(row.line.machine) if row.line.machine else ""
        percents = ["" if each is None else f"{each:.3f}" for each in (row.change.percent, row.change.matmul_percent)]
        found = (status(row.line), *percents, row.change.disturbed, ", ".join(row.change.conditions), name, *objects)
        yield _csv([*(fields[name] for name in CSV_FIELDS), *found])


def _csv(cells: Sequence[object]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(["" if each is None else printable(str(each)) for each in cells])
    return file.getvalue()


def as_jsonl(rows: Sequence[Row]) -> Iterator[str]:
    """The lines as they are in their files, whatever version wrote them."""
    for row in rows:
        text = row.text.decode()
        yield text if text.isprintable() else json.dumps(json.loads(text))
