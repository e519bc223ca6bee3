"""What operators compute and move, as counted in a step of the same shapes (`probes/work.py`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from benchmarks.harness.worker.probes.work import Operation
from benchmarks.harness.worker.profiling.events import Event, Shapes
from benchmarks.harness.worker.profiling.timeline import Timeline


class Work(NamedTuple):
    """Floating-point operations, and bytes read and written once, whatever a cache would save."""

    flops: int
    bytes: int


ROUNDING = 0.01
"""By so much may calls with the same shapes differ: a convolution has a bias, or none."""


class KnownWork:
    """Operators by name and shapes of their tensors. Unknown are those of which two with the same shapes differ."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        found: dict[tuple[str, Shapes], set[Work]] = defaultdict(set)
        calls: dict[str, list[Work]] = defaultdict(list)
        for each in operations:
            found[each.name, each.shapes].add(Work(each.flops, each.bytes))
            calls[each.name].append(Work(each.flops, each.bytes))
        self._names = calls.keys()
        self._by_shapes = {key: max(works) for key, works in found.items() if _are_alike(works)}
        # A profiler shortens a list of hundreds of tensors, which an optimiser gets.
        self._only_calls = {name: works[0] for name, works in calls.items() if len(works) == 1}

    def of_owners(self, timeline: Timeline) -> dict[Event, Work]:
        """Library operator -> the work of all that it calls, if all of it is known."""
        counted: set[Event | None] = set()
        unknown: set[Event] = set()
        found: dict[Event, Work] = {}
        for each in timeline.operators:
            if timeline.parent(each) in counted:
                counted.add(each)  # its work is part of that
            elif each.name in self._names:
                counted.add(each)
                owner, work = timeline.owner(each), self._of(each)
                if work is None:
                    unknown.add(owner)
                else:
                    before = found.get(owner, Work(0, 0))
                    found[owner] = Work(before.flops + work.flops, before.bytes + work.bytes)
        return {owner: work for owner, work in found.items() if owner not in unknown}

    def _of(self, event: Event) -> Work | None:
        return self._by_shapes.get((event.name, event.shapes), self._only_calls.get(event.name))


def _are_alike(works: Collection[Work]) -> bool:
    return all(max(amounts) <= (1 + ROUNDING) * min(amounts) for amounts in zip(*works, strict=True))
