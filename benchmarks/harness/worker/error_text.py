"""An exception as one line."""

from __future__ import annotations

import traceback
from pathlib import Path

SHARED_MEMORY_ADVICE = (
    "/dev/shm must be writable and large enough (in a container: docker run --shm-size=8g), "
    "except with --ocr-loader-workers 0"
)
SHARED_MEMORY_TEXTS = ("shared memory(shm)", "shared memory object", "shared memory segment", "out of shared memory")
"""How torch and NCCL report a lack of it; CUDA kernels have a shared memory of another kind."""


def one_line(error: BaseException) -> str:
    """Type and first line of the message. Of an error that crossed from a loader process, its original last line.

    Without a message, the place where it was raised.
    """
    name = type(error).__name__
    lines = [line.strip() for line in message_of(error).splitlines() if line.strip()]
    if not lines:
        return f"{name} without a message{_raised_at(error)}"
    return _with_type(name, lines) + _advice(lines)


def _with_type(name: str, lines: list[str]) -> str:
    text = lines[-1] if lines[0].startswith("Caught ") and "DataLoader worker" in lines[0] else lines[0]
    before, colon, after = text.partition(":")
    if before.rpartition(".")[2] == name:  # with or without its module
        return f"{name}{colon}{after}"
    return f"{name}: {text}"


def _advice(lines: list[str]) -> str:
    lacks = any(text in line for line in lines for text in SHARED_MEMORY_TEXTS)
    return f"; {SHARED_MEMORY_ADVICE}" if lacks and not any(SHARED_MEMORY_ADVICE in line for line in lines) else ""


def message_of(error: BaseException) -> str:
    """The message; empty if the exception cannot say."""
    try:
        return str(error)
    except Exception:
        return ""


def _raised_at(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f", raised at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
