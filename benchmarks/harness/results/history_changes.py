"""What changed from each line of a history to the next one of its case: the figure, and the conditions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.harness.results.history import HistoryLine
from benchmarks.harness.results.machine_key import missing

Conditions = dict[str, str]


class Change(NamedTuple):
    """Of a line, compared with earlier lines of its case and measurement.

    Attributes:
        percent: change of FINAL_RESULT since the last good line with the same machine key and settings; None without
            one, or if the line itself is not good.
        disturbed: whether the machine was disturbed in either of these two runs.
        matmul_percent: change of the rate of a large matrix product between the same two runs; None if one lacks it.
        conditions: what differs of machine, versions and settings from the lines before, "torch 2.8.0 -> 2.9.0".
    """

    percent: float | None = None
    disturbed: bool = False
    conditions: tuple[str, ...] = ()
    matmul_percent: float | None = None


def changes(lines: Iterable[HistoryLine]) -> Iterator[Change]:
    """One for each line of a history that is sorted by time."""
    before: dict[tuple[str, str], HistoryLine] = {}
    known: dict[tuple[str, str], Conditions] = {}
    good: dict[object, HistoryLine] = {}
    for line in lines:
        case = (line.measurement, line.case)
        conditions: tuple[str, ...] = ()
        if case not in known:
            known[case] = _conditions(line)
        elif not _same(before[case], line):
            now = _conditions(line)
            conditions = tuple(_differing(known[case], now))
            known[case].update(now)  # a case that failed early does not know all of them
        before[case] = line
        base = None
        if not line.JOB_FAIL_FLAG:
            alike = (case, line.UNIT, tuple(line.machine.items()), tuple(line.settings.items()))
            base = good.get(alike)
            if base is not None or _is_comparable(line):
                good[alike] = line
        yield Change(conditions=conditions) if base is None else _change(base, line, conditions)


def _change(base: HistoryLine, line: HistoryLine, conditions: tuple[str, ...]) -> Change:
    if not base.FINAL_RESULT > 0:
        return Change(conditions=conditions)
    disturbed = "disturbed" in (base.machine_verdict, line.machine_verdict)
    matmul = _percent(base.matmul_tflops, line.matmul_tflops)
    return Change(_percent(base.FINAL_RESULT, line.FINAL_RESULT), disturbed, conditions, matmul)


def _percent(before: float | None, now: float | None) -> float | None:
    """None without two numbers or a finite change."""
    if not before or now is None:
        return None
    percent = 100 * (now / before - 1)
    return percent if math.isfinite(percent) else None


def _is_comparable(line: HistoryLine) -> bool:
    """Whether it is known on which machine it was obtained. Lines of old versions do not say."""
    return bool(line.machine) and not missing(line.machine)


def _same(before: HistoryLine, line: HistoryLine) -> bool:
    return (
        before.machine == line.machine
        and before.versions == line.versions
        and before.settings == line.settings
        and before.suite_version == line.suite_version
    )


def _conditions(line: HistoryLine) -> Conditions:
    """All that is known, by name."""
    settings = {name.replace("_", " "): str(value) for name, value in line.settings.items() if value is not None}
    return {**line.machine, **line.versions, "suite": line.suite_version, **settings}


def _differing(before: Conditions, now: Conditions) -> list[str]:
    return [f"{name} {before[name]} -> {value}" for name, value in now.items() if before.get(name, value) != value]
