"""From an exception in a rank to the kind of failure that it means."""

from __future__ import annotations

import errno
import sys
import time
import traceback
from collections.abc import Callable

import torch

from benchmarks.harness.protocol.error_text import (
    cause_text,
    is_of_cuda,
    is_of_memory,
    is_of_missing_peer,
    message_of,
)
from benchmarks.harness.protocol.events import ReportError
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.precision import PrecisionError
from ocr_models.checkpoint import CheckpointError
from ocr_models.errors import DataError

LOADER_TEXTS = ("DataLoader worker", "encountered in worker")

NO_ENGINE_TEXT = "unable to find an engine to execute this computation"
"""How torch reports that none of cuDNN's plans could run. It swallows their own errors."""

AMBIGUOUS_STATUS = "CUBLAS_STATUS_NOT_INITIALIZED"
"""cuBLAS cannot start: the GPU is out of order, or has no memory left for it."""

EXHAUSTED_SHARE = 0.05
"""Of the memory of a GPU. If less is free, the GPU has none left for the next workspace or library."""

LOADER_GRACE_SECONDS = 1.0


class NonFiniteLossError(ArithmeticError):
    """A loss that is NaN or infinite. No step after it can be measured."""


class DeviceError(RuntimeError):
    """A GPU that a case needs cannot be used: one line."""


class ProfilerError(RuntimeError):
    """A profiler that did not report what ran: one line that says what to do."""


def _is_out_of_memory(error: BaseException, _stage: str) -> bool:
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or is_of_memory(cause_text(error)):
        return True
    if NO_ENGINE_TEXT in message_of(error):
        return not torch.cuda.is_initialized() or _gpu_is_full() or _allocator_refused()
    return AMBIGUOUS_STATUS in message_of(error) and torch.cuda.is_initialized() and _gpu_is_full()


def _gpu_is_full() -> bool:
    free, total = torch.cuda.mem_get_info()
    return free < EXHAUSTED_SHARE * total


def _allocator_refused() -> bool:
    """Whether torch's allocator has refused a request. Since then it may have returned memory that it had reserved."""
    return any(torch.cuda.memory_stats(index).get("num_ooms", 0) for index in range(torch.cuda.device_count()))


def _is_device(error: BaseException, _stage: str) -> bool:
    return isinstance(error, torch.AcceleratorError | DeviceError) or is_of_cuda(cause_text(error))


def _is_bad_data(error: BaseException, stage: str) -> bool:
    names_loader = any(text in message_of(error) for text in LOADER_TEXTS)
    return isinstance(error, DataError) or names_loader or stage == "data"


def _is_output(error: BaseException, stage: str) -> bool:
    return isinstance(error, ReportError) or (isinstance(error, OSError) and stage == "evaluation")


FAILURE_KINDS: tuple[tuple[str, Callable[[BaseException, str], bool]], ...] = (
    ("non_finite_loss", lambda error, _: isinstance(error, NonFiniteLossError)),
    ("precision", lambda error, _: isinstance(error, PrecisionError)),
    ("profiler", lambda error, _: isinstance(error, ProfilerError)),
    ("checkpoint", lambda error, _: isinstance(error, CheckpointError)),
    ("out_of_memory", _is_out_of_memory),
    ("device", _is_device),
    ("hang", lambda error, _: is_of_missing_peer(cause_text(error))),
    ("output", _is_output),
    ("data", _is_bad_data),
)
"""Kind of failure and its condition, (error, stage) -> bool. The first condition that holds decides."""


def failure_kind(error: BaseException, stage: str) -> str:
    """Kind of the failure that an error in a stage of a step means; "exception" if no condition holds."""
    return next((kind for kind, holds in FAILURE_KINDS if holds(error, stage)), "exception")


def print_and_find_cause(error: BaseException, position: Position) -> BaseException:
    """Print the traceback. Returns the error, or the one that explains it: of a dead loader process, or of the GPU."""
    try:
        traceback.print_exc()
        # torch raises the error of a dead loader process from a signal handler. The pipe to it may break before.
        if position.stage == "data" and isinstance(error, OSError | EOFError):
            time.sleep(LOADER_GRACE_SECONDS)
    except RuntimeError as later:
        print(f"{type(later).__name__}: {later}", file=sys.stderr, flush=True)
        return later
    return _error_of_gpu(error) or error


def _error_of_gpu(error: BaseException) -> BaseException | None:
    """What has made the GPU unusable for this process. CUDA's libraries then only report that they cannot run."""
    if isinstance(error, torch.AcceleratorError) or not torch.cuda.is_initialized():
        return None
    try:
        torch.cuda.mem_get_info()
    except RuntimeError as cause:
        print(f"the GPU reports: {message_of(cause)}", file=sys.stderr, flush=True)
        return cause
    return None
