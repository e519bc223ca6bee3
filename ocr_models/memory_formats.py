"""The memory format in which a training step runs fastest, as far as known."""

from __future__ import annotations

import torch

IN_PLANES = frozenset({("cuda", "fp32")})
"""(device type, precision) of the steps that run faster in planes, contiguous, than in channels_last.

On an H200, PSENet's float32 step took 242 ms in planes, after a search of 30 s for the fastest convolutions. In
channels_last it took 281 ms without that search, which had not ended after 35 s. Reduced precision on a GPU needs
channels_last: its matrix units read the channels of a pixel together. tf32 has not been measured. Both CPUs that were
measured prefer channels_last (docs/performance.md).
"""


def fast_memory_format(device: torch.device, precision: str) -> torch.memory_format:
    """Of weights and images of a convolutional network, for steps in a precision."""
    return torch.contiguous_format if (device.type, precision) in IN_PLANES else torch.channels_last
