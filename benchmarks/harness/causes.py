"""What an exception in a rank means: the word for it, and the line to tell it by."""

from __future__ import annotations

import errno
import sys
import time
import traceback

from benchmarks.harness.liveness import Position
from benchmarks.harness.records import Failure

NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "Insufficient memory",
    "Cannot allocate memory",
    "std::bad_alloc",
    "ALLOC_FAILED",
)
"""How torch, CUDA's libraries, OpenCV and the C++ library say that there is no memory."""

NO_ANSWER = ("closed by peer", "reset by peer", "remote process exited", "Broken pipe", "socketTimeout")
"""How gloo and NCCL say that a rank is gone."""


class AgreedFailureError(Exception):
    """What all ranks found together to be wrong."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def printed_cause(error: BaseException, position: Position) -> BaseException:
    """The error, or what torch has to say a moment later of the loader process behind it.

    torch raises out of a signal handler, wherever this process stands, when a loader process has died; the pipe to that
    process may break before.
    """
    try:
        traceback.print_exc()
        if position.stage == "data" and isinstance(error, OSError | EOFError):
            time.sleep(1)
    except RuntimeError as later:
        print(f"{type(later).__name__}: {later}", file=sys.stderr, flush=True)
        return later
    return error


def failure_kind(error: BaseException, stage: str) -> str:
    """The word for an exception in a stage, as it stands in `failure.kind`."""
    import torch

    from benchmarks.harness.precision import PrecisionError
    from benchmarks.harness.trainer import NonFiniteLossError
    from ocr_models.checkpoint import CheckpointError
    from ocr_models.data.icdar2015 import DataError

    text = str(error)
    if isinstance(error, NonFiniteLossError):
        return "non_finite_loss"
    if isinstance(error, PrecisionError):
        return "precision"
    if isinstance(error, CheckpointError):
        return "checkpoint"
    lacking = isinstance(error, OSError) and error.errno == errno.ENOMEM
    if lacking or isinstance(error, torch.OutOfMemoryError | MemoryError) or any(each in text for each in NO_MEMORY):
        return "out_of_memory"
    if isinstance(error, OSError) and stage == "evaluation":
        return "output"
    if isinstance(error, DataError) or "DataLoader worker" in text or stage == "data":
        return "data"
    return "exception"


def one_line(error: BaseException) -> str:
    """Type and message of an exception; of one that crossed from a loader process, the original's last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    text = lines[-1] if lines[0].startswith("Caught ") and "DataLoader worker" in lines[0] else lines[0]
    name = type(error).__name__
    return text if text.split(":")[0].split(".")[-1] == name else f"{name}: {text}"


def is_unanswered(error: BaseException) -> bool:
    """Whether a collective failed for want of a rank."""
    return any(each in str(error) for each in NO_ANSWER)
