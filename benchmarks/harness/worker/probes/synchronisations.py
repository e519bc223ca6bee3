"""Counts how often the measured steps make the host wait for the GPU.

In the measured steps only what costs nothing is observed: torch's sync debug mode, which sees waits for streams (as of
`.item()`), and calls of the other functions of torch that wait. It does not see waits in C++, and none if the model
turns warnings off. `probes/trace.py` shows these in a few steps after the measured ones.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch

WAITING_FUNCTIONS = (
    (torch._C, "_cuda_synchronize"),
    (torch._C, "_cuda_emptyCache"),  # waits for the device to free memory
    (torch._C, "_accelerator_synchronizeDevice"),
    (torch._C, "_accelerator_emptyCache"),
    (torch.cuda.Event, "synchronize"),
)
"""What torch's functions that wait call; its sync debug mode does not see them. A stream's `synchronize` it sees."""

DEBUG_MODE_MESSAGE = "synchronizing CUDA operation"
DEBUG_MODE_NOTICE = "Synchronization debug mode is a prototype"  # a notice of torch about itself


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
    counter, called = Synchronisations(), list[str]()
    with warnings.catch_warnings(record=True) as caught, _noted_calls(called):
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield counter
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found = [text for warning in caught if not (text := str(warning.message)).startswith(DEBUG_MODE_NOTICE)]
    counter.count = len(called) + sum(DEBUG_MODE_MESSAGE in message for message in found)
    for message in dict.fromkeys([*found, *(f"{name} waits for the GPU" for name in called)]):
        print(f"warning in the measured window: {message}", file=sys.stderr, flush=True)


@contextmanager
def _noted_calls(called: list[str]) -> Iterator[None]:
    """Append the name of each of WAITING_FUNCTIONS that is called, in whatever thread."""
    with ExitStack() as stack:
        for owner, name in WAITING_FUNCTIONS:
            if (function := getattr(owner, name, None)) is not None:
                noting = _noting(function, f"{owner.__name__}.{name}", called)
                stack.enter_context(mock.patch.object(owner, name, noting))
        yield


def _noting(function: Callable[..., Any], name: str, called: list[str]) -> Callable[..., Any]:
    def noting(*arguments: Any, **options: Any) -> Any:
        called.append(name)
        return function(*arguments, **options)

    return noting
