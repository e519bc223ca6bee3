"""The records of a log: counted, added up and compared with each other while it is read, in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from benchmarks.analysis_log.conversion import Target
from benchmarks.analysis_log.picker import Number
from benchmarks.analysis_log.units import Unclear, Unit

SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class BadLine:
    """A line that makes the whole log unusable, and why: one line, which names the option to give."""

    line: int
    reason: str


@dataclass
class Tally:
    """What was found in a log.

    Attributes:
        skip: first records that do not count for the statistics.
        found: number of records.
        without_number: number of lines with the keyword, but without a record; `first_without_number` is the first.
        excluded: text of --exclude -> number of lines with the keyword that it left out.
        interrupted: whether the last line was interrupted in its record, which was dropped.
        units: of the records -> factor; "" for records that have none.
        counted: what the records count, for example "step"; None if no unit says it.
        problem: the first line whose unit or number cannot be read, or does not fit the others.
        bad_record: the first record after the skipped ones that is not positive and finite.
        minimum, maximum, total, inverse_total: of the records after the skipped ones.
        forms: of the numbers, at most two: see `Number.form`.
    """

    target: Target
    skip: int
    found: int = 0
    without_number: int = 0
    first_without_number: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False
    units: dict[str, float] = field(default_factory=dict)
    counted: str | None = None
    problem: BadLine | None = None
    bad_record: BadLine | None = None
    minimum: float = math.inf
    maximum: float = -math.inf
    total: float = 0.0
    inverse_total: float = 0.0
    forms: set[str] = field(default_factory=set)
    _scaled: bool = False
    _last: Unit | None = None

    @property
    def used(self) -> int:
        """Number of records after the skipped ones."""
        return max(0, self.found - self.skip)

    def add_line_without_record(self, line: int, problem: BadLine | None = None) -> None:
        self.without_number += 1
        self.first_without_number = self.first_without_number or line
        self.problem = self.problem or problem

    def add(self, line: int, number: Number, text: str) -> None:
        """Count the record of a line; `text` is the line, for messages."""
        unit = number.unit
        if not self.found or unit is not self._last:
            if (reason := self._misfit(unit)) is not None:
                self.add_line_without_record(line, BadLine(line, f"has {_excerpt(text, number.text)!r}: {reason}"))
                return
            assert not isinstance(unit, Unclear)
            self._add_unit(unit)
        self.found += 1
        if len(self.forms) < 2:
            self.forms.add(number.form)
        if self.found > self.skip:
            self._add_value(line, number, self.target.converted(number.value, self._last))

    def fits(self, number: Number) -> bool:
        """Whether the number of a line without an end is complete, and means what those before it mean."""
        unit = number.unit
        if isinstance(unit, Unclear) or (self.found and (unit.text if unit else "") not in self.units):
            return False
        return number.followed or self.forms == {number.form}

    def _misfit(self, unit: Unit | Unclear | None) -> str | None:
        if isinstance(unit, Unclear):
            return f"{_short(unit.text)!r} {unit.reason}: {unit.advice}"
        if unit is not None and (objection := self.target.objection(unit)) is not None:
            return f"{_short(unit.text)!r} {objection}"
        if self._differs(unit):
            before = " and ".join(_named(name) for name in [*self.units][:2])
            own = _named(unit.text if unit else "")
            return f"this record has {own}, records before it have {before}: leave one kind out with --exclude"
        return None

    def _differs(self, unit: Unit | None) -> bool:
        """Whether records cannot be compared: of tokens and of samples, or of ms and of an unknown unit."""
        if not self.found:
            return False
        counted = unit.counted if unit else None
        if counted and self.counted and counted != self.counted:
            return True
        return self._scaled if unit is None else "" in self.units and self._is_scaled(unit)

    def _is_scaled(self, unit: Unit) -> bool:
        return unit.factor != 1.0 or self.target.inverts(unit)

    def _add_unit(self, unit: Unit | None) -> None:
        self._last = unit
        self.units[unit.text if unit else ""] = unit.factor if unit else 1.0
        if unit is not None:
            self.counted = unit.counted or self.counted
            self._scaled = self._scaled or self._is_scaled(unit)

    def _add_value(self, line: int, number: Number, value: float) -> None:
        if not 0 < value < math.inf:
            noun = "rate" if self.target.of_rates else "time"
            self.bad_record = self.bad_record or BadLine(line, f"{_short(number.text)} is no {noun}")
            return
        self.minimum, self.maximum = min(self.minimum, value), max(self.maximum, value)
        self.total += value
        self.inverse_total += 1 / value


def _named(unit: str) -> str:
    return f"the unit {unit!r}" if unit else "no unit"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def _excerpt(line: str, number: str) -> str:
    """The part of a line around the number."""
    at = max(0, line.find(number[:SHOWN_CHARACTERS]) - SHOWN_CHARACTERS // 3)
    return _short(line[at:].strip()) if at == 0 else f"...{_short(line[at:].strip())}"
