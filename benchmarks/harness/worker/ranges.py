"""Named ranges of a step for whoever profiles it: Nsight Systems, which reads NVTX, and torch's profiler."""

from __future__ import annotations

from types import TracebackType

import torch
from torch.profiler import record_function

RANGES = ("data", "prepare", "forward", "loss", "backward", "optimizer")
"""In the order of a step. In a compiled step `forward` contains `prepare` and `loss`: they are one graph."""


class StepRange:
    """A part of a step, as a context. Without a profiler it takes about a microsecond.

    A class rather than a generator, which takes twice as long. NVTX itself does nothing if no tool listens; torch's
    ranges take 15 microseconds, so they are opened only for its profiler. A torch without CUDA has no NVTX.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._recorded: record_function | None = None

    def __enter__(self) -> None:
        if torch.version.cuda is not None:
            torch.cuda.nvtx.range_push(self._name)
        if torch.autograd._profiler_enabled():  # type: ignore[attr-defined]
            self._recorded = record_function(self._name)
            self._recorded.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._recorded is not None:
            self._recorded.__exit__(kind, error, traceback)
        if torch.version.cuda is not None:
            torch.cuda.nvtx.range_pop()
