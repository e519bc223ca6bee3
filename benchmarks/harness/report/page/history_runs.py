"""The runs of one case in a history, and what distinguishes the last of them from those before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from benchmarks.harness.results.history import HistoryLine, short_revision
from benchmarks.harness.results.history_changes import Change, changes

MAX_RUNS = 30
"""Of a case: the last ones."""

LEAST_EARLIER = 3
"""Runs that have to be known before a result can be called unusual."""


class HistoryRun(NamedTuple):
    """A line, and what changed since the lines before it.

    Attributes:
        number: of the run among all of its case that were read, from 1.
    """

    number: int
    line: HistoryLine
    change: Change


@dataclass(frozen=True)
class CaseHistory:
    """The last runs of a case and measurement, at least two."""

    measurement: str
    case: str
    runs: Sequence[HistoryRun]
    total: int

    @property
    def last(self) -> HistoryRun:
        return self.runs[-1]

    @property
    def revision_change(self) -> str:
        """Of the suite since the run before the last one, "revision 3f2a91c0 -> 8b1e77d2"; empty if there is none, or a
        revision is not known.
        """
        before, now = (short_revision(run.line) for run in self.runs[-2:])
        return f"revision {before} -> {now}" if before and now and before != now else ""

    @cached_property
    def earlier_results(self) -> list[float]:
        """Of the good runs on a quiet machine before the last one that are comparable with it: same machine, versions,
        settings and unit. What a new result is held against.
        """
        last = self.last.line
        return [
            run.line.FINAL_RESULT
            for run in self.runs[:-1]
            if _is_good(run.line) and not is_disturbed(run.line) and _same_conditions(run.line, last)
        ]

    @cached_property
    def has_few_earlier(self) -> bool:
        """Whether the last run has a result, and the earlier ones are too few to say that it is unusual."""
        return _is_good(self.last.line) and len(self.earlier_results) < LEAST_EARLIER

    @cached_property
    def is_unusual(self) -> bool:
        """Whether the last result is outside of the range of the earlier ones, which are enough to say so."""
        earlier = self.earlier_results
        if self.has_few_earlier or not _is_good(self.last.line):
            return False
        return not min(earlier) <= self.last.line.FINAL_RESULT <= max(earlier)

    @property
    def weight(self) -> float:
        """How much a reader has to see of it: failed first, then changed conditions and unusual results, then by the
        size of the change.
        """
        run = self.last
        size = 0.0 if run.change.percent is None else min(abs(run.change.percent), 1e3)
        return size + 4e3 * (not _is_good(run.line)) + 2e3 * bool(run.change.conditions) + 1e3 * self.is_unusual


def case_histories(lines: Iterable[HistoryLine]) -> list[CaseHistory]:
    """Of lines that are sorted by time: the cases with at least two, those first of which most is to be seen."""
    lines = list(lines)
    found: dict[tuple[str, str], list[HistoryRun]] = {}
    for line, change in zip(lines, changes(lines), strict=True):
        runs = found.setdefault((line.measurement, line.case), [])
        runs.append(HistoryRun(len(runs) + 1, line, change))
    histories = [
        CaseHistory(measurement, case, runs[-MAX_RUNS:], len(runs))
        for (measurement, case), runs in found.items()
        if len(runs) > 1
    ]
    return sorted(histories, key=lambda each: (-each.weight, each.case, each.measurement))


def is_disturbed(line: HistoryLine) -> bool:
    """Whether other programs disturbed the machine."""
    return line.machine_verdict == "disturbed"


def _is_good(line: HistoryLine) -> bool:
    return not line.JOB_FAIL_FLAG


def _same_conditions(one: HistoryLine, other: HistoryLine) -> bool:
    return (
        one.UNIT == other.UNIT
        and one.machine == other.machine
        and one.versions == other.versions
        and one.settings == other.settings
    )
