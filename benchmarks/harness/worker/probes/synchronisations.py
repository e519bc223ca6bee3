"""Counts how often torch makes the host wait for the GPU."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Synchronisations:
    """Number of calls that made the host wait for the GPU; valid after the block."""

    count: int = 0


@contextmanager
def counted_synchronisations(device: torch.device) -> Iterator[Synchronisations | None]:
    """Count the calls that make the host wait for the GPU; each kind is also named once in the train log. Yields None
    on the CPU.
    """
    if device.type != "cuda":
        yield None
        return
    counter = Synchronisations()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield counter
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found = [str(warning.message) for warning in caught]
    counter.count = sum("synchronizing CUDA operation" in message for message in found)
    for message in dict.fromkeys(found):
        print(f"warning in the measured window: {message}", file=sys.stderr, flush=True)
