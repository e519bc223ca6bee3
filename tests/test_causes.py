from __future__ import annotations

import errno
import signal

import pytest
import torch

from benchmarks.harness.causes import failure_kind, is_unanswered, printed_cause
from benchmarks.harness.liveness import Position
from benchmarks.harness.precision import PrecisionError
from benchmarks.harness.trainer import NonFiniteLossError
from ocr_models.checkpoint import CheckpointError
from ocr_models.data.icdar2015 import DataError


def test_what_breaks_while_a_batch_is_awaited_is_a_failure_of_the_data() -> None:
    assert failure_kind(ConnectionResetError(104, "Connection reset by peer"), "data") == "data"
    assert failure_kind(ConnectionResetError(104, "Connection reset by peer"), "backward") == "exception"
    assert failure_kind(DataError("img_1.jpg: truncated"), "set-up") == "data"


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
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=str,
)
def test_a_lack_of_memory_is_one_in_every_stage(error: Exception, stage: str) -> None:
    assert failure_kind(error, stage) == "out_of_memory"


def test_other_causes_have_their_own_words() -> None:
    assert failure_kind(NonFiniteLossError("loss is nan at step 4"), "forward") == "non_finite_loss"
    assert failure_kind(PrecisionError("fp32 asks for ieee"), "set-up") == "precision"
    assert failure_kind(CheckpointError("checkpoint.pt is of another training"), "set-up") == "checkpoint"
    assert failure_kind(OSError(errno.ENOSPC, "No space left on device"), "evaluation") == "output"
    assert failure_kind(DataError("img_1.jpg: truncated"), "evaluation") == "data"
    assert failure_kind(ValueError("a slip"), "evaluation") == "exception"


def test_a_rank_that_no_longer_answers_is_told_from_other_errors() -> None:
    assert is_unanswered(RuntimeError("[gloo/pair.cc:534] Connection closed by peer [10.0.0.2]:5123"))
    assert not is_unanswered(RuntimeError("shapes do not fit"))


def test_what_torch_says_of_a_dead_loader_process_a_moment_later_is_the_cause() -> None:
    """As torch does on SIGCHLD: the pipe breaks first, then the handler raises."""

    def handler(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        cause = printed_cause(ConnectionResetError(104, "Connection reset by peer"), Position(3, "data"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert str(cause).startswith("DataLoader worker (pid 7)")
