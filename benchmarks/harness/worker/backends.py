"""How torch computes in a case: its arithmetic, and cuDNN's search for the fastest convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmarks.cases import Case
from benchmarks.harness.worker.precision import apply_precision


def prepare_torch(case: Case) -> None:
    """Set torch as the steps of a case need it, whoever takes them."""
    torch.backends.cudnn.benchmark = True  # every step has the same shapes
    apply_precision(case)


@contextmanager
def without_search() -> Iterator[None]:
    """Within the block cuDNN does not search for its fastest algorithms. For shapes that vary, as in an evaluation on
    whole images, or that are used once.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
