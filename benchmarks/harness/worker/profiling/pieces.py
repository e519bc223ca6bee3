"""What kept the device busy: kernels and copies, or on the CPU operators, each with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.harness.protocol.profile_report import Group, Part
from benchmarks.harness.worker.profiling.events import DEVICE_KINDS, Event
from benchmarks.harness.worker.profiling.groups import group_of, known_group
from benchmarks.harness.worker.profiling.intervals import Interval, clipped, shared_times
from benchmarks.harness.worker.profiling.timeline import OUTSIDE, Timeline, forward_name, is_library_operator

UNKNOWN = "unknown"
"""Operator of a kernel that no operator issued."""


@dataclass(frozen=True)
class Piece:
    """A stretch of time in which the device worked.

    Attributes:
        interval: within the window, in microseconds.
        shared: microseconds of it, if all that ran at once share them in equal parts.
        operator: name of the library operator, of what called it if there is none, or `UNKNOWN`.
        owner: that operator; None if it is unknown.
        part: of the step in which it was issued.
        group: kind of work.
        kernel: name of the kernel or copy; empty on the CPU.
    """

    interval: Interval
    shared: float
    operator: str
    owner: Event | None
    part: Part
    group: Group
    kernel: str = ""

    @property
    def microseconds(self) -> float:
        return self.interval[1] - self.interval[0]


def device_pieces(events: Iterable[Event], timeline: Timeline, window: Interval) -> list[Piece]:
    """Of a GPU: its kernels and copies on all streams."""
    work = [each for each in events if each.kind in DEVICE_KINDS]
    found = [(within, each) for each in work if (within := clipped(each.begin, each.end, window))]
    return _pieces([(within, timeline.issuer(each), each.name) for within, each in found], timeline)


def host_pieces(timeline: Timeline, window: Interval) -> list[Piece]:
    """Of the CPU: its operators in all threads."""
    found = [(within, each) for (begin, end), each in timeline.segments() if (within := clipped(begin, end, window))]
    return _pieces([(within, each, "") for within, each in found], timeline)


def _pieces(found: Sequence[tuple[Interval, Event | None, str]], timeline: Timeline) -> list[Piece]:
    shares = shared_times([within for within, _, _ in found])
    return [_piece(*each, shared, timeline) for each, shared in zip(found, shares, strict=True)]


def _piece(interval: Interval, issuer: Event | None, kernel: str, shared: float, timeline: Timeline) -> Piece:
    if issuer is None or issuer.kind == "range":
        part = OUTSIDE if issuer is None else timeline.part(issuer)
        return Piece(interval, shared, UNKNOWN, None, part, group_of("", part, kernel=kernel), kernel)
    owner = timeline.owner(issuer)
    return Piece(
        interval=interval,
        shared=shared,
        operator=owner.name,
        owner=owner,
        part=timeline.part(owner),
        group=_group(owner, kernel, timeline),
        kernel=kernel,
    )


def _group(owner: Event, kernel: str, timeline: Timeline) -> Group:
    """That of the function around an operator if its name says what it does, as of a resize made of matrix products. In
    the backward pass that of the operator of the forward pass.
    """
    own_part = timeline.part(owner)
    if (own := group_of(owner.name, own_part, kernel=kernel)) == "communication":
        return own
    maker = timeline.maker(owner)
    part = own_part if maker is None else timeline.part(maker)
    for each in _names(owner, maker, timeline):
        if known_group(each):
            return group_of(each, part, kernel=kernel)
    return group_of(owner.name, part, kernel=kernel)


def _names(owner: Event, maker: Event | None, timeline: Timeline) -> list[str]:
    """Of functions of Python around an operator, then of what made its node of autograd, then its own."""
    node = timeline.node(owner)
    made = [] if maker is None else [timeline.owner(maker).name, maker.name]
    around = [each.name for each in timeline.above(owner) if each.kind == "operator" and each is not owner]
    functions = [forward_name(each) or each for each in around if not is_library_operator(each)]
    functions = [each for each in functions if not each.startswith(("autograd::", "torch::autograd::"))]
    if node is not None:
        functions += [name for name in [forward_name(node.name)] if name]
    return [*made, *functions, owner.name]
