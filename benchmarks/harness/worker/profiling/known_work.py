"""What operators compute and move, as counted in a step of the same shapes (`probes/work.py`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.harness.worker.probes.work import Operation
from benchmarks.harness.worker.profiling.events import Event, Shapes
from benchmarks.harness.worker.profiling.timeline import Timeline


class Work(NamedTuple):
    """Floating-point operations, and bytes read and written once, whatever a cache would save."""

    flops: int
    bytes: int


class KnownWork:
    """Operators by name and shapes of their tensors. Unknown are those of which two with the same shapes differ, as
    convolutions with another stride do.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        found: dict[tuple[str, Shapes], set[Work]] = defaultdict(set)
        for each in operations:
            found[each.name, each.shapes].add(Work(each.flops, each.bytes))
        self._known = {key: works.pop() for key, works in found.items() if len(works) == 1}

    def of_owners(self, timeline: Timeline) -> dict[Event, Work]:
        """Library operator -> the work of all that it calls; without those of which nothing is known."""
        counted: set[Event | None] = set()
        found: dict[Event, Work] = {}
        for each in timeline.operators:
            work = self._known.get((each.name, each.shapes))
            if timeline.parent(each) in counted:
                counted.add(each)  # its work is part of that
                continue
            if work is None:
                continue
            counted.add(each)
            owner = timeline.owner(each)
            flops, moved = found.get(owner, Work(0, 0))
            found[owner] = Work(flops + work.flops, moved + work.bytes)
        return found
