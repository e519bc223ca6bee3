"""What the host did in the recorded steps: to which operator and which part of the step an event belongs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.harness.protocol.profile_report import Part
from benchmarks.harness.worker.profiling.events import Event
from benchmarks.harness.worker.profiling.intervals import Interval
from benchmarks.harness.worker.ranges import RANGES

BACKWARD: Part = "backward"
OUTSIDE: Part = "outside"
"""Parts of a step: that of autograd, and what is in none of its ranges."""

_NODE = re.compile(r"(?P<forward>.*?)Backward\d*$")
_LIBRARY_OPERATOR = re.compile(r"(?!autograd::|torch::autograd::)\w+::")
"""Of ATen or another library. What autograd names, and functions of Python, only contain operators."""


def is_library_operator(name: str) -> bool:
    """Whether an operator is one of ATen or of another library, and not what autograd or Python wraps around it."""
    return _LIBRARY_OPERATOR.match(name) is not None


def forward_name(name: str) -> str | None:
    """Of the function that a node of autograd belongs to: "_Resize" of "_ResizeBackward"; None if it is no node."""
    found = _NODE.fullmatch(name.rpartition(": ")[2])
    return found["forward"] if found else None


class Timeline:
    """The operators and ranges of the host, nested as they ran.

    Attributes:
        operators: in order of their beginning.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        """The events in order of their beginning; of several, the longest first."""
        nested = [each for each in events if each.kind in ("operator", "range")]
        self.operators = [each for each in nested if each.kind == "operator"]
        self._parents = _parents(nested)
        self._by_number = {each.external: each for each in nested if each.external is not None}
        self._ranges = [each for each in nested if each.kind == "range" and each.name in RANGES]
        self._range_begins = [each.begin for each in self._ranges]
        self._makers = {
            each.sequence: each
            for each in self.operators
            if each.sequence is not None and not each.of_backward and self.part(each) != BACKWARD
        }
        """Sequence number -> the operator that made the node of autograd: the last one that had this number."""

    def issuer(self, event: Event) -> Event | None:
        """The operator or range in which a kernel, a copy or a call of CUDA was issued."""
        return None if event.external is None else self._by_number.get(event.external)

    def above(self, event: Event) -> Iterator[Event]:
        """The event itself and all that contain it, the innermost first."""
        current: Event | None = event
        while current is not None:
            yield current
            current = self._parents.get(current)

    def owner(self, event: Event) -> Event:
        """The outermost library operator that contains an event, or is it; else the event itself."""
        return next(reversed([each for each in self.above(event) if _is_operator(each)]), event)

    def part(self, event: Event) -> Part:
        """The part of the step in which an event was issued.

        The ranges are those of the thread that trains. Autograd has a thread of its own for a GPU: then time decides.
        """
        for each in self.above(event):
            if each.kind == "range" and each.name in RANGES:
                return each.name  # type: ignore[return-value]
        return self.part_at(event.begin)

    def part_at(self, time: float) -> Part:
        """The part of the step in which the thread that trains was."""
        index = bisect_right(self._range_begins, time) - 1
        if index >= 0 and time < self._ranges[index].end:
            return self._ranges[index].name  # type: ignore[return-value]
        return OUTSIDE

    def node(self, event: Event) -> Event | None:
        """The node of autograd within which an event runs; None outside the backward pass."""
        return next((each for each in self.above(event) if each.of_backward and each.sequence is not None), None)

    def maker(self, event: Event) -> Event | None:
        """The operator of the forward pass whose gradient an event computes; None if it does not, or it is unknown."""
        node = self.node(event)
        return None if node is None else self._makers.get(node.sequence)

    def segments(self) -> Iterator[tuple[Interval, Event]]:
        """The time in operators of each thread, divided among them: each library operator with all that it calls, and
        of what only contains operators the rest.
        """
        children: dict[Event, list[Event]] = defaultdict(list)
        for each in self.operators:
            parent = self._parents.get(each)
            while parent is not None and parent.kind == "range":
                parent = self._parents.get(parent)
            if parent is not None:
                children[parent].append(each)
        owners = {each for each in self.operators if self.owner(each) is each}
        for each in owners:
            inner = [] if _is_operator(each) else children[each]
            yield from ((interval, each) for interval in _rest(each, inner))


def _is_operator(event: Event) -> bool:
    return event.kind == "operator" and is_library_operator(event.name)


def _parents(nested: Sequence[Event]) -> dict[Event, Event]:
    """Event -> the one that contains it, in the same thread."""
    found: dict[Event, Event] = {}
    open_in: dict[int | str, list[Event]] = defaultdict(list)
    for each in nested:
        stack = open_in[each.thread]
        while stack and stack[-1].end <= each.begin:
            stack.pop()
        if stack:
            found[each] = stack[-1]
        stack.append(each)
    return found


def _rest(event: Event, inner: Sequence[Event]) -> Iterator[Interval]:
    """The parts of an event that are not in those which it contains, given in order."""
    since = event.begin
    for each in inner:
        if each.begin > since:
            yield since, each.begin
        since = max(since, each.end)
    if event.end > since:
        yield since, event.end
