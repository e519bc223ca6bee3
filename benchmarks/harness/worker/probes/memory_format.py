"""In which order the values of images and of convolutions' weights lie in memory."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from benchmarks.harness.protocol.reports import MemoryFormat

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By the number of dimensions, batch and channels included."""


def memory_format(values: Iterable[object]) -> MemoryFormat | None:
    """The format that all tensors have, "mixed" if they differ or have another one.

    Only tensors that can tell count: (N, C, H, W) or (N, C, D, H, W), with several channels and several pixels. None if
    there are none.
    """
    found = {_format_of(each) for each in values if isinstance(each, Tensor)} - {None}
    return found.pop() if len(found) == 1 else "mixed" if found else None


def _format_of(tensor: Tensor) -> MemoryFormat | None:
    if tensor.ndim not in CHANNELS_LAST or tensor.layout != torch.strided or not tensor.numel():
        return None
    contiguous = tensor.is_contiguous()
    channels_last = tensor.is_contiguous(memory_format=CHANNELS_LAST[tensor.ndim])
    if contiguous and channels_last:
        return None  # one channel, or one pixel: both at once
    return "contiguous" if contiguous else "channels_last" if channels_last else "mixed"
