"""The kernels and operators with the most time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.harness.protocol.profile_report import (
    MAX_NAME_LENGTH,
    MAX_ROWS,
    Group,
    KernelTime,
    OperatorTime,
    RemainingTime,
)
from benchmarks.harness.worker.profiling.events import Event
from benchmarks.harness.worker.profiling.known_work import Work
from benchmarks.harness.worker.profiling.pieces import Piece

PER_SECOND = 1e6
"""Microseconds."""

LEAST_KNOWN = 0.9
"""Share of the time of a name that calls with known work must have, or its rates are unknown."""


class Frame(NamedTuple):
    """What sums of pieces are divided by: the number of steps, and the busy microseconds of all of them."""

    steps: int
    busy: float

    def seconds(self, microseconds: float) -> float:
        """Per step."""
        return microseconds / self.steps / PER_SECOND

    def share(self, shared: float) -> float:
        return min(1.0, shared / self.busy) if self.busy else 0.0


class _Row(NamedTuple):
    name: str
    operator: str
    group: Group
    calls: int
    microseconds: float
    shared: float
    work: Work
    known_microseconds: float


def top_kernels(
    pieces: Sequence[Piece], works: Mapping[Event, Work], frame: Frame
) -> tuple[list[KernelTime], RemainingTime]:
    """Kernels and copies by name, and the sum of those that are not listed."""
    issued: dict[Event, int] = defaultdict(int)
    for each in pieces:
        if each.owner is not None:
            issued[each.owner] += 1
    alone = {owner: work for owner, work in works.items() if issued[owner] == 1}
    rows = [_row(name, own, alone, len(own)) for name, own in _by_name(pieces, lambda each: each.kernel)]
    listed, rest = _listed(rows)
    kernels = [
        KernelTime(short(row.name), short(row.operator), row.group, *_figures(row, frame), *_rates(row))
        for row in listed
    ]
    return kernels, _remaining(rest, frame)


def top_operators(
    pieces: Sequence[Piece], works: Mapping[Event, Work], frame: Frame
) -> tuple[list[OperatorTime], RemainingTime]:
    """Operators by name, and the sum of those that are not listed."""
    rows = []
    for name, own in _by_name(pieces, lambda each: each.operator):
        calls = {each.owner for each in own if each.owner is not None}
        rows.append(_row(name, own, works, len(calls) or len(own)))
    listed, rest = _listed(rows)
    operators = [OperatorTime(short(row.name), row.group, *_figures(row, frame), *_rates(row)) for row in listed]
    return operators, _remaining(rest, frame)


def short(name: str) -> str:
    """A name with its beginning and its end, and without line breaks."""
    name = " ".join(name.split()) or "unnamed"
    half = (MAX_NAME_LENGTH - 3) // 2
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:half]}...{name[-half:]}"


def _by_name(pieces: Iterable[Piece], name_of: Callable[[Piece], str]) -> list[tuple[str, list[Piece]]]:
    found: dict[str, list[Piece]] = defaultdict(list)
    for each in pieces:
        found[name_of(each)].append(each)
    return list(found.items())


def _row(name: str, pieces: Collection[Piece], works: Mapping[Event, Work], calls: int) -> _Row:
    groups: dict[Group, float] = defaultdict(float)
    operators: dict[str, float] = defaultdict(float)
    for each in pieces:
        groups[each.group] += each.shared
        operators[each.operator] += each.shared
    owners = {each.owner for each in pieces}
    known = [works[owner] for owner in owners if owner is not None and owner in works]
    known_pieces = [each.microseconds for each in pieces if each.owner in works]
    return _Row(
        name=name,
        operator=max(operators, key=operators.__getitem__),
        group=max(groups, key=groups.__getitem__),
        calls=calls,
        microseconds=sum(each.microseconds for each in pieces),
        shared=sum(each.shared for each in pieces),
        work=Work(sum(each.flops for each in known), sum(each.bytes for each in known)),
        known_microseconds=sum(known_pieces),
    )


def _listed(rows: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    ordered = sorted(rows, key=lambda row: -row.shared)
    return ordered[:MAX_ROWS], ordered[MAX_ROWS:]


def _figures(row: _Row, frame: Frame) -> tuple[float, float, float]:
    return row.calls / frame.steps, frame.seconds(row.microseconds), frame.share(row.shared)


def _rates(row: _Row) -> tuple[float | None, float | None]:
    """TFLOP/s and TB/s of the calls whose work is known. What has no such operation has no rate."""
    if not row.known_microseconds or row.known_microseconds < LEAST_KNOWN * row.microseconds:
        return None, None
    flops, moved = (amount / row.known_microseconds * PER_SECOND / 1e12 or None for amount in row.work)
    return flops, moved


def _remaining(rows: Sequence[_Row], frame: Frame) -> RemainingTime:
    return RemainingTime(
        names=len(rows),
        count_per_step=sum(row.calls for row in rows) / frame.steps,
        seconds_per_step=frame.seconds(sum(row.microseconds for row in rows)),
        share=frame.share(sum(row.shared for row in rows)),
    )
