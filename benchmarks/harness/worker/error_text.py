"""An exception as one line."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from benchmarks.harness.protocol.events import ReportError
from ocr_models.errors import DataError

SHARED_MEMORY_ADVICE = (
    "/dev/shm must be writable and large enough (in a container: docker run --shm-size=8g), "
    "except with --ocr-loader-workers 0"
)
SHARED_MEMORY_TEXTS = ("shared memory(shm)", "shared memory object", "shared memory segment", "out of shared memory")
"""How torch and NCCL report a lack of it; CUDA kernels have a shared memory of another kind."""

NAMING_FILES = (DataError, ReportError)
"""Errors that name a file. Its name may contain any text, and says nothing about the cause."""

NO_MEMORY_TEXTS = (
    "can't allocate memory",
    "out of memory",
    "Insufficient memory",
    "Cannot allocate memory",
    "std::bad_alloc",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "creating shared memory segment",
)
"""How torch, CUDA's libraries, NCCL, OpenCV and the C++ library report a lack of memory."""

CUDA_TEXT = re.compile(
    r"CUDA (driver |runtime |unknown )?error|CUDA-capable device|CUDA initialization|CUDA GPU|CUDA-related error"
    r"|(CUDNN|CUBLAS|CUSPARSE|CUSOLVER|CUFFT|CURAND|NVRTC)_[A-Z_]+|cu(DNN|BLAS|SPARSE|SOLVER|FFT) error"
    r"|Triton Error \[CUDA\]|Cuda failure|unhandled cuda error|device-side assert"
    r"|NVIDIA driver|Torch not compiled with CUDA|GPU is lost|fallen off the bus",
    re.IGNORECASE,
)
"""How torch, Triton, NCCL and CUDA's own libraries report an error of CUDA."""

CUDA_ADVICE = (
    (
        r"driver (version )?(on your system )?is (too old|insufficient)|no NVIDIA driver|driver combination"
        r"|no kernel image|forward compatibility|not compiled with CUDA|initiali[sz]ation error",
        "the driver, the GPU and this build of torch must fit each other: nvidia-smi, "
        "python -c 'import torch; print(torch.version.cuda)'",
    ),
    (
        r"no CUDA-capable device|no CUDA GPUs|no usable CUDA|invalid device ordinal",
        "nvidia-smi and CUDA_VISIBLE_DEVICES show which GPUs there are",
    ),
    (
        r"busy or unavailable|MPS |exclusive",
        "another process holds the GPU: nvidia-smi shows it, and the compute mode",
    ),
    (
        r"illegal memory access|device-side assert|misaligned address|illegal instruction|invalid program counter"
        r"|invalid address space",
        "CUDA_LAUNCH_BLOCKING=1 shows the operation; without a fault in the program, look for Xid messages in dmesg",
    ),
    (
        r"",
        "look for Xid messages in dmesg, for ECC errors with nvidia-smi -q -d ECC, and for other processes on the GPU",
    ),
)
"""What the text of an error of CUDA contains, and what to do; the first that applies."""

WRAPPED = re.compile(r"Caught (\w+) in (?:DataLoader worker|pin memory thread|replica)")
"""How torch begins an error that crossed from a loader process or from another thread."""


def one_line(error: BaseException) -> str:
    """Type and first line of the message. Of an error that crossed from a loader process or the thread that pins its
    batches, those of the original. What to do follows if it is known.

    Without a message, the place where it was raised.
    """
    name = type(error).__name__
    lines = [line.strip() for line in message_of(error).splitlines() if line.strip()]
    if not lines:
        return f"{name} without a message{_raised_at(error)}"
    return _with_type(name, lines) + _advice(error, lines)


def _with_type(name: str, lines: list[str]) -> str:
    text = original_line(lines)
    before, colon, after = text.partition(":")
    if before.rpartition(".")[2] == name:  # with or without its module
        return f"{name}{colon}{after}"
    return f"{name}: {text}"


def original_line(lines: list[str]) -> str:
    """The first line of a message. Of an error that was caught elsewhere, the line that ends its traceback."""
    caught = WRAPPED.match(lines[0])
    if caught is None:
        return lines[0]
    typed = re.compile(rf"(?:\w+\.)*{caught[1]}(?::|$)")  # a message may have further lines
    return next((line for line in reversed(lines) if typed.match(line)), lines[-1])


def _advice(error: BaseException, lines: list[str]) -> str:
    if any(text in line for line in lines for text in SHARED_MEMORY_TEXTS):
        advice = SHARED_MEMORY_ADVICE
    elif reports_cuda_error(error) and not reports_no_memory(error):
        text = "\n".join(_relevant(lines))
        advice = next(advice for cause, advice in CUDA_ADVICE if re.search(cause, text, re.IGNORECASE))
    else:
        return ""
    return "" if any(advice in line for line in lines) else f"; {advice}"


def reports_no_memory(error: BaseException) -> bool:
    """Whether the message reports a lack of memory, of the host or of the GPU."""
    return not isinstance(error, NAMING_FILES) and any(text in message_of(error) for text in NO_MEMORY_TEXTS)


def reports_cuda_error(error: BaseException) -> bool:
    """Whether CUDA, its driver or one of its libraries reported the error, a lack of memory included."""
    lines = message_of(error).splitlines()
    return not isinstance(error, NAMING_FILES) and any(CUDA_TEXT.search(line) for line in _relevant(lines))


def _relevant(lines: list[str]) -> list[str]:
    """All lines, but of a traceback only the one that states the error: the others are names of files and code."""
    return [original_line(lines)] if lines and WRAPPED.match(lines[0]) else lines


def first_line(error: BaseException) -> str:
    """Of the message; the name of the type if there is none."""
    lines = [line.strip() for line in message_of(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def message_of(error: BaseException) -> str:
    """The message; empty if the exception cannot say."""
    try:
        return str(error)
    except Exception:
        return ""


def _raised_at(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f", raised at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
