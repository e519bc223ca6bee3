from __future__ import annotations

import errno
import signal
import time

import pytest
import torch

from benchmarks.harness.protocol.error_text import is_of_lost_peer
from benchmarks.harness.protocol.stages import Position
from benchmarks.harness.worker.exceptions import (
    FAILURE_KINDS,
    NonFiniteLossError,
    failure_kind,
    print_and_find_cause,
)
from benchmarks.harness.worker.precision import PrecisionError
from ocr_models.checkpoint import CheckpointError
from ocr_models.errors import DataError

BROKEN_PIPE = ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize("stage", ["set-up", "data", "forward"])
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        RuntimeError("std::bad_alloc"),
        torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"),
        RuntimeError("pin_memory: CUDA error: out of memory"),
        RuntimeError("CUDA driver error: out of memory"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
        RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
        RuntimeError("FIND was unable to find an engine to execute this computation after trying 4 plans."),
        RuntimeError("GET was unable to find an engine to execute this computation"),
        RuntimeError("NCCL error: unhandled cuda error\nLast error:\nCuda failure 2 'out of memory'"),
        RuntimeError("NCCL error\nError while creating shared memory segment /dev/shm/nccl-a: No space left on device"),
        RuntimeError("Caught OutOfMemoryError in pin memory thread for device 0.\nCUDA out of memory. Tried"),
        RuntimeError("Caught _ArrayMemoryError in DataLoader worker process 0.\nUnable to allocate 9 GiB for an array"),
        OSError(errno.ENOMEM, "mmap failed"),
    ],
    ids=str,
)
def test_a_lack_of_memory_is_recognised_in_every_stage(error: Exception, stage: str) -> None:
    assert failure_kind(error, stage) == "out_of_memory"


@pytest.mark.parametrize(
    ("error", "stage", "kind"),
    [
        (NonFiniteLossError("loss is nan at step 4"), "forward", "non_finite_loss"),
        (PrecisionError("fp32 asks for ieee"), "set-up", "precision"),
        (CheckpointError("checkpoint.pt is of another training"), "set-up", "checkpoint"),
        (OSError(errno.ENOSPC, "No space left on device"), "evaluation", "output"),
        (OSError(errno.ENOSPC, "No space left on device"), "forward", "exception"),
        (DataError("img_1.jpg: truncated"), "set-up", "data"),
        (DataError("img_1.jpg: truncated"), "evaluation", "data"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "backward", "data"),
        (BROKEN_PIPE, "data", "data"),
        (BROKEN_PIPE, "backward", "exception"),
        (ValueError("a bug"), "evaluation", "exception"),
    ],
    ids=str,
)
def test_type_and_stage_of_an_error_decide_its_kind(error: Exception, stage: str, kind: str) -> None:
    assert failure_kind(error, stage) == kind


def test_the_kinds_are_tried_in_order() -> None:
    """A loss that is not finite is one wherever it is found; a lack of memory explains a dead loader process."""
    assert [kind for kind, _ in FAILURE_KINDS] == [
        "non_finite_loss",
        "precision",
        "profiler",
        "checkpoint",
        "out_of_memory",
        "device",
        "hang",
        "output",
        "data",
    ]
    assert failure_kind(NonFiniteLossError("loss is nan at step 4"), "data") == "non_finite_loss"
    assert failure_kind(RuntimeError("Caught MemoryError in DataLoader worker: std::bad_alloc"), "data") == (
        "out_of_memory"
    )


def test_a_rank_that_is_gone_is_recognised() -> None:
    assert is_of_lost_peer("[gloo/pair.cc:534] Connection closed by peer [10.0.0.2]:5123")
    assert not is_of_lost_peer("shapes do not fit")


def test_the_error_of_a_dead_loader_process_that_torch_raises_later_is_the_cause() -> None:
    """As torch does on SIGCHLD: the pipe breaks first, then the handler raises."""

    def handler(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        cause = print_and_find_cause(BROKEN_PIPE, Position(3, "data"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert str(cause).startswith("DataLoader worker (pid 7)")


def test_any_other_error_is_printed_and_is_its_own_cause(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited for a loader process"))
    error = ValueError("a bug")
    causes: list[BaseException] = []
    try:
        raise error
    except ValueError:
        causes.append(print_and_find_cause(error, Position(3, "data")))
    assert causes == [error]
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert "ValueError: a bug" in shown
