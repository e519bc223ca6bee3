"""The records of a train log, whichever framework wrote it, complete or interrupted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_NUMBER = r"(?P<number>[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|inf))"
_SECONDS = r"(?:s|sec|second)s?"
_CLOSING = r"[]\"'}),;]*"
_RATE = re.compile(rf"{_NUMBER}(?:[a-z_]+/{_SECONDS})?{_CLOSING}", re.ASCII | re.IGNORECASE)
_TIME = re.compile(rf"{_NUMBER}(?:{_SECONDS}(?:/[a-z_]+)?)?{_CLOSING}", re.ASCII | re.IGNORECASE)
_NO_RATE = re.compile(rf"[mun]?{_SECONDS}(?:/[a-z_]+)?{_CLOSING}", re.IGNORECASE)
_NO_SECONDS = re.compile(rf"(?:[a-z_]+/{_SECONDS}|[mun]s(?:/[a-z_]+)?){_CLOSING}", re.IGNORECASE)


@dataclass(frozen=True)
class Record:
    """A number as it is written in a line of the log; lines count from 1."""

    line: int
    number: str

    @property
    def value(self) -> float:
        return float(self.number)

    @property
    def form(self) -> str:
        """What numbers of one format have in common: decimals and exponent; without these, the number of digits."""
        zeros = re.sub(r"\d", "0", self.number.lstrip("+-"))
        return zeros if zeros.isdecimal() else zeros.lstrip("0")


@dataclass(frozen=True)
class Log:
    """What was found in a train log.

    Attributes:
        records: in order.
        without_number: line numbers of lines that have the keyword but no record.
        interrupted: whether the last line was interrupted in its record, which was dropped.
    """

    records: tuple[Record, ...] = ()
    without_number: tuple[int, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True)
class Picker:
    """Finds the record in a line that contains the keyword.

    Attributes:
        separator: between the tokens of the line; None splits at blanks.
        position: number of the token that is the record; None means the token after the keyword.
        part: part of that token; `slice(None)` is all of it.
        of_rates: whether a record is a rate, else a time in seconds. A unit attached to the number, or after it, must
            agree.
    """

    keyword: str
    separator: str | None
    position: int | None
    part: slice
    of_rates: bool

    @property
    def _other_unit(self) -> re.Pattern[str]:
        """Matches a token after the number that shows that it is not such a record."""
        return _NO_RATE if self.of_rates else _NO_SECONDS

    def pick(self, line: str) -> tuple[str | None, bool]:
        """The number in a line (None if there is none), and whether anything follows it in the line."""
        tokens = line.strip().split(self.separator)
        index = self.position
        if index is None:
            index = tokens.index(self.keyword) + 1 if self.keyword in tokens else len(tokens)
        if not -len(tokens) <= index < len(tokens):
            return None, False
        match = (_RATE if self.of_rates else _TIME).fullmatch(tokens[index][self.part].strip())
        if match is None or (index not in (-1, len(tokens) - 1) and self._other_unit.fullmatch(tokens[index + 1])):
            return None, False
        ends_token = match.end("number") == len(match.string)
        ends_line = index in (len(tokens) - 1, -1) and not line[-1].isspace()
        return match["number"], not (ends_token and ends_line)

    def pick_interrupted(self, line: str, before: Sequence[Record]) -> str | None:
        """The number in a line without an end; None if it may be part of a number, or a number at another position."""
        number, followed = self.pick(line)
        if number is None or (self.position or 0) < 0:
            return None
        fits = bool(before) and {record.form for record in before} == {Record(0, number).form}
        return number if followed or fits else None


def read_log(path: Path, picker: Picker) -> Log:
    """Read the records of a log. A carriage return also ends a line, as in progress bars; colour codes are removed.

    Raises:
        OSError: if it cannot be read.
    """
    records: list[Record] = []
    without_number: list[int] = []
    interrupted = False
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        for line_number, physical_line in enumerate(file, start=1):
            *whole, rest = re.split(r"[\r\n]", _COLOUR.sub("", physical_line))
            numbers = [picker.pick(line)[0] for line in whole if picker.keyword in line]
            records += [Record(line_number, number) for number in numbers if number is not None]
            without_number += [line_number] * numbers.count(None)
            if picker.keyword in rest:
                number = picker.pick_interrupted(rest, records)
                interrupted = number is None
                records += [] if number is None else [Record(line_number, number)]
    return Log(tuple(records), tuple(without_number), interrupted)
