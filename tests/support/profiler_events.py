"""What a profiler reports of a step on a GPU and on the CPU, made up."""

from __future__ import annotations

from torch._C._autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent

from benchmarks.harness.worker.profiling.events import Event, Kind, Shapes
from benchmarks.harness.worker.profiling.waits import RANGE
from benchmarks.harness.worker.ranges import RANGES


def event(name: str, start: float, end: float, *, on_gpu: bool = False, annotation: bool = False) -> FunctionEvent:
    """From `start` to `end` in microseconds; `annotation`: a range that the program names."""
    device = DeviceType.CUDA if on_gpu else DeviceType.CPU
    return FunctionEvent(0, name, 0, start, end, device_type=device, use_device="cuda", is_user_annotation=annotation)


def host(
    name: str,
    begin: float,
    end: float,
    *,
    thread: int = 1,
    number: int | None = None,
    sequence: int | None = None,
    of_backward: bool = False,
    shapes: Shapes = (),
) -> Event:
    """An operator, or a range if its name is that of a part of a step; a call of CUDA by its name."""
    is_range = name in (*RANGES, RANGE) or name.startswith("gloo:")
    kind: Kind = "range" if is_range else "call" if name.startswith("cuda") else "operator"
    correlation = number if kind == "call" else None
    external = None if kind == "call" else number
    return Event(name, kind, begin, end, thread, external, correlation, sequence, of_backward, shapes)


def kernel(
    name: str, begin: float, end: float, *, issuer: int | None = None, call: int | None = None, stream: int = 7
) -> Event:
    """On a GPU, issued by the operator of this number, or by this call. A copy by its name."""
    kind: Kind = "copy" if name.startswith("Memcpy") else "kernel"
    return Event(name, kind, begin, end, stream, issuer, call)
