"""torch's settings, which a training changes for the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def restored_settings() -> Iterator[None]:
    """Afterwards the number of threads, cuDNN's search and the arithmetic in float32 are as they were."""
    backends = torch.backends
    threads, search = torch.get_num_threads(), backends.cudnn.benchmark
    owners: list[Any] = [backends, backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]  # type: ignore[attr-defined]
    modes = [owner.fp32_precision for owner in owners]
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        backends.cudnn.benchmark = search
        for owner, mode in zip(owners, modes, strict=True):
            owner.fp32_precision = mode
