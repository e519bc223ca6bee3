"""The memory format in which a training step runs fastest, as far as known."""

from __future__ import annotations

import torch

IN_PLANES: frozenset[tuple[str, str]] = frozenset()
"""(device type, precision) of the steps that run faster in planes, contiguous, than in channels_last.

None is known. Reduced precision on a GPU needs channels_last: its matrix units read the channels of a pixel together.
float32 on a GPU has not been measured; there planes may be faster. Both CPUs that were measured prefer channels_last
(docs/performance.md).
"""


def fast_memory_format(device: torch.device, precision: str) -> torch.memory_format:
    """Of weights and images of a convolutional network, for steps in a precision."""
    return torch.contiguous_format if (device.type, precision) in IN_PLANES else torch.channels_last
