"""Continues an interrupted comparison: only as the same comparison, and from what its document says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.compare.document import Comparison, Pair, ProcedureParameters, SideDescription
from benchmarks.compare.judging.course import Course
from benchmarks.compare.runs import figures
from benchmarks.harness.results.machine_key import differing
from benchmarks.harness.results.redaction import redacted

MAX_SHOWN = 3
_OPTIONS = {
    "allowed_slowdown": "--max-slowdown",
    "max_pairs": "--max-pairs",
    "budget_minutes": "--budget",
    "seed": "--seed",
    "stored_drift": "--stored-drift",
    "full": "--full",
    "common_options": "options of both sides",
}
_OF_RUNS = ("title", "versions")
"""Fields of a side that its runs complete, or that repeat others."""


class ResumeError(Exception):
    """A document that cannot be continued: one line."""


def check_question(document: Comparison, cases: Sequence[tuple[str, str]], parameters: ProcedureParameters) -> None:
    """Raises ResumeError if the document has other cases or another procedure."""
    found = [(case.base_case, case.head_case) for case in document.cases]
    differs = []
    if found != list(cases):
        differs.append(f"cases: {_cases(found)} there, {_cases(cases)} now")
    _refuse([*differs, *_differing("", document.procedure, parameters, _OPTIONS)])


def check_sides(document: Comparison, base: SideDescription, head: SideDescription, machine: dict[str, str]) -> None:
    """Raises ResumeError if a side is another one, or changed, or the machine is another one."""
    differs = []
    for name, before, now in (("base", document.base, base), ("head", document.head, head)):
        differs += _differing(f"{name}: ", before, now)
        differs += _other_versions(name, before.versions, now.versions)
    differs += [f"machine: {each}" for each in differing(document.machine, machine)]
    _refuse(differs)


def check_runs(document: Comparison, pair: Pair, folder: Path) -> None:
    """Raises ResumeError if the runs of a new pair, whose artifacts are below `folder`, show other versions than the
    first runs of the document: those of the tree and the interpreter may have stayed as they were.
    """
    differs = []
    for name, before, run in (("base", document.base, pair.base), ("head", document.head, pair.head)):
        if run is not None and run.failure is None:
            now = figures.versions_of(figures.read_speed_json(folder / run.artifact))
            differs += _other_versions(name, before.versions, now)
    _refuse(differs)


def replay(document: Comparison, course: Course) -> None:
    """Give a new course the pairs of the document, in the order in which they were measured.

    Raises:
        ResumeError: if they are not those that this procedure measures, or their ratios are not those of their runs.
    """
    left = {id(case): list(stored.pairs) for case, stored in zip(course.cases, document.cases, strict=True)}
    while any(left.values()):
        planned = course.next()
        if planned is None or not left[id(planned[0])]:
            raise ResumeError("its pairs are not in the order of the procedure: it was edited")
        case, turn = planned
        pair = left[id(case)].pop(0)
        place = f"{case.base_case}, pair {pair.number}"
        if (pair.number, pair.attempt, pair.head_first) != turn:
            raise ResumeError(f"{place}: not the next one of the procedure and its seed: the document was edited")
        _check_ratios(pair, place)
        course.take(case, pair)
    for case, stored in zip(course.cases, document.cases, strict=True):
        if case.pairs != stored.pairs:
            raise ResumeError(f"{case.base_case}: other pairs count than the procedure counts: the document was edited")


def _check_ratios(pair: Pair, place: str) -> None:
    again = figures.pair(pair.number, pair.attempt, head_first=pair.head_first, base=pair.base, head=pair.head)
    for name in ("ratio", "cpu_ratio"):
        stored, computed = getattr(pair, name), getattr(again, name)
        if (stored is None) != (computed is None) or (
            stored is not None and not math.isclose(stored, computed, rel_tol=1e-9)
        ):
            raise ResumeError(f"{place}: {name} is not that of its runs: the document was edited")


def _differing(prefix: str, before: Any, now: Any, names: dict[str, str] | None = None) -> list[str]:
    """Fields of two structs of one type, without private data, that differ."""
    ours, theirs = (redacted(structs.asdict(each)) for each in (before, now))
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    return [
        f"{prefix}{(names or {}).get(name, name)}: {_shown(ours[name])} there, {_shown(theirs[name])} now"
        for name in ours
        if name not in _OF_RUNS and ours[name] != theirs[name]
    ]


def _other_versions(side: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    both = [name for name in before if name in now and before[name] != now[name]]
    return [f"{side}: {name}: {before[name]} there, {now[name]} now" for name in both]


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _cases(cases: Sequence[tuple[str, str]]) -> str:
    return ", ".join(base if base == head else f"{base} -> {head}" for base, head in cases)


def _refuse(differs: list[str]) -> None:
    if differs:
        more = f"; {len(differs) - MAX_SHOWN} more" if len(differs) > MAX_SHOWN else ""
        raise ResumeError(f"it is another comparison: {'; '.join(differs[:MAX_SHOWN])}{more}")
