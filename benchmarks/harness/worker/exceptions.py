"""From an exception in a rank to the kind of failure that it means."""

from __future__ import annotations

import errno
import sys
import time
import traceback
from collections.abc import Callable

import torch

from benchmarks.harness.protocol.events import ReportError
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.error_text import message_of
from benchmarks.harness.worker.precision import PrecisionError
from ocr_models.checkpoint import CheckpointError
from ocr_models.errors import DataError

NO_MEMORY_TEXTS = (
    "can't allocate memory",
    "out of memory",
    "Insufficient memory",
    "Cannot allocate memory",
    "std::bad_alloc",
    "ALLOC_FAILED",
)
"""How torch, CUDA's libraries, OpenCV and the C++ library report a lack of memory."""

LOST_PEER_TEXTS = ("closed by peer", "reset by peer", "remote process exited", "Broken pipe", "socketTimeout")
"""How gloo and NCCL report that another rank is gone."""

LOADER_GRACE_SECONDS = 1.0


class NonFiniteLossError(ArithmeticError):
    """A loss that is NaN or infinite. No step after it can be measured."""


def _is_out_of_memory(error: BaseException, _stage: str) -> bool:
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(text in message_of(error) for text in NO_MEMORY_TEXTS)


def _is_bad_data(error: BaseException, stage: str) -> bool:
    return isinstance(error, DataError) or "DataLoader worker" in message_of(error) or stage == "data"


def _is_output(error: BaseException, stage: str) -> bool:
    return isinstance(error, ReportError) or (isinstance(error, OSError) and stage == "evaluation")


FAILURE_KINDS: tuple[tuple[str, Callable[[BaseException, str], bool]], ...] = (
    ("non_finite_loss", lambda error, _: isinstance(error, NonFiniteLossError)),
    ("precision", lambda error, _: isinstance(error, PrecisionError)),
    ("checkpoint", lambda error, _: isinstance(error, CheckpointError)),
    ("out_of_memory", _is_out_of_memory),
    ("output", _is_output),
    ("data", _is_bad_data),
)
"""Kind of failure and its condition, (error, stage) -> bool. The first condition that holds decides."""


def failure_kind(error: BaseException, stage: str) -> str:
    """Kind of the failure that an error in a stage of a step means; "exception" if no condition holds."""
    return next((kind for kind, holds in FAILURE_KINDS if holds(error, stage)), "exception")


def lost_another_rank(error: BaseException) -> bool:
    """Whether a collective failed because another rank is gone."""
    return any(text in message_of(error) for text in LOST_PEER_TEXTS)


def print_and_find_cause(error: BaseException, position: Position) -> BaseException:
    """Print the traceback. Returns the error, or the one that torch raises a moment later about a dead loader process.

    torch raises that one from a signal handler, wherever this process is. The pipe to the loader may break before.
    """
    try:
        traceback.print_exc()
        if position.stage == "data" and isinstance(error, OSError | EOFError):
            time.sleep(LOADER_GRACE_SECONDS)
    except RuntimeError as later:
        print(f"{type(later).__name__}: {later}", file=sys.stderr, flush=True)
        return later
    return error
