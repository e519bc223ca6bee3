"""What the host did in the recorded steps: to which operator and which part of the step an event belongs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.harness.protocol.profile_report import Part
from benchmarks.harness.worker.profiling.events import HOST_KINDS, Event
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
        nested = [each for each in events if each.kind in HOST_KINDS]
        self.operators = [each for each in nested if each.kind == "operator"]
        self._parents = _parents(nested)
        self._by_number: dict[int | None, Event] = {
            each.external: each for each in nested if each.external is not None and each.kind != "call"
        }
        self._calls = {each.correlation: each for each in nested if each.kind == "call"}
        self._ranges = [each for each in nested if _is_part(each)]
        self._range_begins = [each.begin for each in self._ranges]
        self._owners: dict[Event, Event] = {}
        self._parts: dict[Event, Part] = {}
        self._nodes: dict[Event, Event | None] = {}
        for each in nested:  # what contains an event comes before it
            self._inherit(each, self._parents.get(each))
        self._makers = {
            each.sequence: each
            for each in self.operators
            if each.sequence is not None and not each.of_backward and self.part(each) != BACKWARD
        }
        """Sequence number -> the operator that made the node of autograd: the last one that had this number."""

    def _inherit(self, event: Event, parent: Event | None) -> None:
        above = None if parent is None else self._owners[parent]
        self._owners[event] = above if above is not None and _is_library_operator(above) else event
        if _is_part(event):
            self._parts[event] = event.name  # type: ignore[assignment]
        else:
            self._parts[event] = self.part_at(event.begin) if parent is None else self._parts[parent]
        is_node = event.of_backward and event.sequence is not None
        self._nodes[event] = event if is_node else None if parent is None else self._nodes[parent]

    def issuer(self, event: Event) -> Event | None:
        """The operator in which a kernel or a copy was issued; if there is none, the range."""
        found = self._by_number.get(event.external) if event.external is not None else None
        if found is None and (call := self._calls.get(event.correlation)) is not None:
            found = self.parent(call)
        if found is None:
            return None
        return next((each for each in self.above(found) if each.kind == "operator"), found)

    def parent(self, event: Event) -> Event | None:
        """The operator or range that contains an event."""
        return self._parents.get(event)

    def above(self, event: Event) -> Iterator[Event]:
        """The event itself and all that contain it, the innermost first."""
        current: Event | None = event
        while current is not None:
            yield current
            current = self._parents.get(current)

    def owner(self, event: Event) -> Event:
        """The outermost library operator that contains an event, or is it; else the event itself."""
        return self._owners[event]

    def part(self, event: Event) -> Part:
        """The part of the step in which an event was issued.

        The ranges are those of the thread that trains. Autograd has a thread of its own for a GPU: then time decides.
        """
        return self._parts[event]

    def part_at(self, time: float) -> Part:
        """The part of the step in which the thread that trains was."""
        index = bisect_right(self._range_begins, time) - 1
        if index >= 0 and time < self._ranges[index].end:
            return self._ranges[index].name  # type: ignore[return-value]
        return OUTSIDE

    def node(self, event: Event) -> Event | None:
        """The node of autograd within which an event runs; None outside the backward pass."""
        return self._nodes[event]

    def maker(self, event: Event) -> Event | None:
        """The operator of the forward pass whose gradient an event computes; None if it does not, or it is unknown."""
        node = self.node(event)
        return None if node is None or node.sequence is None else self._makers.get(node.sequence)

    def segments(self) -> Iterator[tuple[Interval, Event]]:
        """The time in operators of each thread, divided among them: each library operator with all that it calls, and
        of what only contains operators the rest.
        """
        inner: dict[Event, list[Event]] = defaultdict(list)
        owners = [each for each in self.operators if self.owner(each) is each]
        for each in owners:
            parent = self._parents.get(each)
            while parent is not None and parent.kind == "range":
                parent = self._parents.get(parent)
            if parent is not None:
                inner[parent].append(each)
        for each in owners:
            yield from ((interval, each) for interval in _rest(each, inner[each]))


def _is_part(event: Event) -> bool:
    return event.kind == "range" and event.name in RANGES


def _is_library_operator(event: Event) -> bool:
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
