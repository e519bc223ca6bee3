from __future__ import annotations

import pytest
import torch

from benchmarks.harness.worker.error_text import one_line
from ocr_models.errors import DataError

FROM_A_LOADER = """Caught DataError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "worker.py", line 1, in fetch
ocr_models.errors.DataError: img_1.jpg: truncated JPEG
"""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("a bug"), "ValueError: a bug"),
        (RuntimeError("a planted\nexception"), "RuntimeError: a planted"),
        (RuntimeError("\n  \n  shapes differ  \n"), "RuntimeError: shapes differ"),
        (ValueError(), "ValueError"),
        (KeyError("x"), "KeyError: 'x'"),
        (torch.OutOfMemoryError("CUDA out of memory"), "OutOfMemoryError: CUDA out of memory"),
        (DataError(FROM_A_LOADER), "DataError: img_1.jpg: truncated JPEG"),
    ],
    ids=["message", "first line", "blank lines", "no message", "quoted", "dotted type", "from a loader process"],
)
def test_an_error_is_one_line_with_its_type(error: Exception, expected: str) -> None:
    assert one_line(error) == expected
