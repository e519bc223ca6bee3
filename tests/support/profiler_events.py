"""What a profiler of a GPU reports, made up."""

from __future__ import annotations

from torch._C._autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent


def event(name: str, start: float, end: float, *, on_gpu: bool = False, annotation: bool = False) -> FunctionEvent:
    """From `start` to `end` in microseconds; `annotation`: a range that the program names."""
    device = DeviceType.CUDA if on_gpu else DeviceType.CPU
    return FunctionEvent(0, name, 0, start, end, device_type=device, use_device="cuda", is_user_annotation=annotation)
