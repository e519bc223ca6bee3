"""A trace of torch's profiler as typed events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Struct

Shapes = tuple[tuple[int, ...], ...]
"""Of the tensors among the arguments of an operator, in order."""

Kind = Literal["operator", "range", "call", "kernel", "copy"]
"""On the host: an operator, a range that the program names, a call of CUDA. On the device: a kernel, or a copy."""

KINDS: dict[str, Kind] = {
    "cpu_op": "operator",
    "user_annotation": "range",
    "cuda_runtime": "call",
    "cuda_driver": "call",
    "kernel": "kernel",
    "gpu_memset": "kernel",
    "gpu_memcpy": "copy",
}
"""Of the categories in a trace. The others repeat events of the host on the timeline of the device, or link them."""

HOST_KINDS = ("operator", "range", "call")
DEVICE_KINDS = ("kernel", "copy")


class _Arguments(Struct):
    external: int | None = msgspec.field(name="External id", default=None)
    correlation: int | None = None
    sequence: int | None = msgspec.field(name="Sequence number", default=None)
    forward_thread: int | None = msgspec.field(name="Fwd thread id", default=None)
    dimensions: list[Any] = msgspec.field(name="Input Dims", default_factory=list)


class _RawEvent(Struct):
    name: str = ""
    cat: str = ""
    ph: str = ""
    ts: float = 0.0
    dur: float = 0.0
    tid: int | str = 0
    args: _Arguments = msgspec.field(default_factory=_Arguments)


class _RawTrace(Struct):
    events: list[_RawEvent] = msgspec.field(name="traceEvents")


@dataclass(frozen=True, eq=False)
class Event:
    """Something with a beginning and an end, both in microseconds of one clock.

    Attributes:
        thread: of the host; of a kernel or copy its stream.
        external: number of an operator; a kernel, copy or call of CUDA has that of the operator that issued it.
        correlation: of a call of CUDA, and of the kernel or copy that it issued.
        sequence: links an operator of the forward pass with the node of autograd that it made.
        of_backward: whether autograd calls it: then `sequence` is that of the operator of the forward pass.
        shapes: of the tensors that an operator got; empty if they were not recorded.
    """

    name: str
    kind: Kind
    begin: float
    end: float
    thread: int | str = 0
    external: int | None = None
    correlation: int | None = None
    sequence: int | None = None
    of_backward: bool = False
    shapes: Shapes = ()

    @property
    def microseconds(self) -> float:
        return self.end - self.begin


def read_events(trace: bytes) -> list[Event]:
    """The events of a trace as torch exports it, JSON, in order of their beginning; of several, the longest first."""
    raw = msgspec.json.decode(trace, type=_RawTrace, strict=False).events
    events = [_event(each, KINDS[each.cat]) for each in raw if each.ph == "X" and each.cat in KINDS]
    return in_order(events)


def in_order(events: list[Event]) -> list[Event]:
    """By their beginning; of several, the longest first."""
    return sorted(events, key=lambda each: (each.begin, -each.end))


def _event(raw: _RawEvent, kind: Kind) -> Event:
    arguments = raw.args
    return Event(
        name=raw.name,
        kind=kind,
        begin=raw.ts,
        end=raw.ts + raw.dur,
        thread=raw.tid,
        external=arguments.external,
        correlation=arguments.correlation,
        sequence=arguments.sequence,
        of_backward=bool(arguments.forward_thread),
        shapes=tensor_shapes(arguments.dimensions),
    )


def tensor_shapes(dimensions: list[Any]) -> Shapes:
    """From the field of a trace: for each argument its shape, a list of shapes, or an empty list if it is no tensor."""
    found: list[tuple[int, ...]] = []
    for each in dimensions:
        if each and isinstance(each, list):
            if all(isinstance(size, int) for size in each):
                found.append(tuple(each))
            else:
                found += tensor_shapes(each)
    return tuple(found)
