from __future__ import annotations

import re

import pytest
import torch

from benchmarks.harness.protocol.error_text import SHARED_MEMORY_ADVICE, one_line
from ocr_models.errors import DataError

FROM_A_LOADER = """Caught DataError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "worker.py", line 1, in fetch
ocr_models.errors.DataError: img_1.jpg: truncated JPEG
"""


class Silent(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError("an exception that cannot say what it is")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("a bug"), "ValueError: a bug"),
        (RuntimeError("a planted\nexception"), "RuntimeError: a planted"),
        (RuntimeError("\n  \n  shapes differ  \n"), "RuntimeError: shapes differ"),
        (ValueError(), "ValueError without a message"),
        (Silent(), "Silent without a message"),
        (KeyError("x"), "KeyError: 'x'"),
        (torch.OutOfMemoryError("CUDA out of memory"), "OutOfMemoryError: CUDA out of memory"),
        (DataError(FROM_A_LOADER), "DataError: img_1.jpg: truncated JPEG"),
    ],
    ids=[
        "message",
        "first line",
        "blank lines",
        "no message",
        "no text",
        "quoted",
        "dotted type",
        "from a loader process",
    ],
)
def test_an_error_is_one_line_with_its_type(error: Exception, expected: str) -> None:
    assert one_line(error) == expected


def test_without_a_message_the_place_where_it_was_raised_is_named() -> None:
    with pytest.raises(KeyError) as raised:
        {}.popitem()
    assert re.fullmatch(r"KeyError: .*", one_line(raised.value))
    with pytest.raises(AssertionError) as silent:
        _assert_nothing()
    assert re.fullmatch(r"AssertionError without a message, raised at test_error_text\.py:\d+", one_line(silent.value))


def _assert_nothing() -> None:
    raise AssertionError


@pytest.mark.parametrize(
    "message",
    [
        "unable to open shared memory object </torch_1_2> in read-write mode: Read-only file system (30)",
        "unable to allocate shared memory(shm) for file </torch_1_2_0>: No space left on device (28)",
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
        "shared memory. Please try to raise your shared memory limit.",
        "NCCL error\nError while creating shared memory segment /dev/shm/nccl-a: No space left on device",
    ],
)
def test_a_lack_of_shared_memory_comes_with_what_to_do(message: str) -> None:
    assert one_line(RuntimeError(message)).endswith(f"; {SHARED_MEMORY_ADVICE}")


def test_the_shared_memory_of_a_gpu_is_another_one() -> None:
    message = "out of resource: shared memory, Required: 131072, Hardware limit: 101376"
    assert one_line(RuntimeError(message)) == f"RuntimeError: {message}"
