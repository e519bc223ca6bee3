"""Reads the records of a train log, whichever framework wrote it, complete or interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.analysis_log.picker import Picker
from benchmarks.analysis_log.tally import BadLine, Tally
from benchmarks.analysis_log.text import MAX_LINE, Line, lines_of

_COLUMN = "has {!r} in the place of the record: state the unit of the records, for example --record_unit {}"


def read_log(path: Path, picker: Picker, exclude: Sequence[str], tally: Tally) -> None:
    """Add the records of a log to a tally. Lines that contain a text of `exclude` are counted, but not read.

    Raises:
        LogError: if it is no file of text.
        OSError: if it cannot be read.
    """
    tally.excluded = dict.fromkeys(exclude, 0)
    for line in lines_of(path, picker.wanted):
        if excluded := next((text for text in exclude if text in line.text), None):
            tally.excluded[excluded] += 1
        elif line.too_long:
            reason = f"has the keyword and more than {MAX_LINE} characters: is it a log, with one record per line?"
            tally.add_line_without_record(line.number, BadLine(line.number, reason))
        else:
            _add(line, picker, tally)


def _add(line: Line, picker: Picker, tally: Tally) -> None:
    if not line.ended:
        _add_interrupted(line, picker, tally)
    elif (number := picker.pick(line.text)) is not None:
        tally.add(line.number, number, line.text)
    else:
        tally.add_line_without_record(line.number, _scaled_column(line, picker) if not tally.found else None)


def _scaled_column(line: Line, picker: Picker) -> BadLine | None:
    """Why records cannot be read below the first line of a table, which names their unit."""
    unit = picker.column_unit(line.text)
    return BadLine(line.number, _COLUMN.format(unit.text, unit.text)) if unit and unit.factor != 1.0 else None


def _add_interrupted(line: Line, picker: Picker, tally: Tally) -> None:
    """The record of a line without an end counts if it is certain that neither number nor unit was cut."""
    text = line.text if tally.found else line.text.rstrip()  # a unit may follow a blank, unless no record has one
    number = picker.pick(text)
    if number is None or (picker.position or 0) < 0 or not tally.fits(number):
        tally.interrupted = True
    else:
        tally.add(line.number, number, text)
