"""What the text of an error says: one line for a person, and whether memory, CUDA or another rank is its cause."""

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
    "Unable to allocate",
    "std::bad_alloc",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "creating shared memory segment",
)
"""How torch, CUDA's libraries, NCCL, OpenCV, NumPy and the C++ library report a lack of memory."""

LOST_PEER_TEXTS = (
    "closed by peer",
    "reset by peer",
    "remote process exit",
    "Broken pipe",
    "socketTimeout",
    "ncclRemoteError",
    "Connection was likely closed",
    "communicator was aborted",
)
"""How gloo, NCCL and torch's store report that another rank is gone."""

MISSING_PEER_TEXTS = (
    "collective operation timeout",
    "ms for recv operation",
    "ms for send operation",
    "waiting for clients",
    "wait timeout after",
    "Application timeout caused pair closure",
)
"""How they report that another rank, which may still run, does not come to a collective."""

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
    lines = _lines(message_of(error))
    if not lines:
        return f"{name} without a message{_raised_at(error)}"
    return _with_type(name, lines) + _advice(lines, names_file=isinstance(error, NAMING_FILES))


def one_line_of(name: str, message: str) -> str:
    """The same of an error of which only the name of its type and its message are known; the message is not empty."""
    lines = _lines(message)
    return _with_type(name, lines) + _advice(lines, names_file=False)


def _lines(message: str) -> list[str]:
    return [line.strip() for line in message.splitlines() if line.strip()]


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


def _advice(lines: list[str], *, names_file: bool) -> str:
    message = "\n".join(lines)
    if any(text in message for text in SHARED_MEMORY_TEXTS):
        advice = SHARED_MEMORY_ADVICE
    elif not names_file and is_of_cuda(message) and not is_of_memory(message):
        text = "\n".join(_relevant(lines))
        advice = next(advice for cause, advice in CUDA_ADVICE if re.search(cause, text, re.IGNORECASE))
    else:
        return ""
    return "" if any(advice in line for line in lines) else f"; {advice}"


def is_of_memory(message: str) -> bool:
    """Whether a message reports a lack of memory, of the host or of the GPU."""
    return any(text in message for text in NO_MEMORY_TEXTS)


def is_of_cuda(message: str) -> bool:
    """Whether CUDA, its driver or one of its libraries reported the error, a lack of memory included."""
    return any(CUDA_TEXT.search(line) for line in _relevant(message.splitlines()))


def is_of_missing_peer(message: str) -> bool:
    """Whether a collective operation reported that another rank does not come to it."""
    return any(text in message for text in MISSING_PEER_TEXTS)


def is_of_lost_peer(message: str) -> bool:
    """Whether a collective operation reported that another rank is gone."""
    return any(text in message for text in LOST_PEER_TEXTS)


def _relevant(lines: list[str]) -> list[str]:
    """All lines, but of a traceback only the one that states the error: the others are names of files and code."""
    return [original_line(lines)] if lines and WRAPPED.match(lines[0]) else lines


def first_line(error: BaseException) -> str:
    """Of the message; the name of the type if there is none."""
    lines = _lines(message_of(error))
    return lines[0] if lines else type(error).__name__


def message_of(error: BaseException) -> str:
    """The message; empty if the exception cannot say."""
    try:
        return str(error)
    except Exception:
        return ""


def cause_text(error: BaseException) -> str:
    """The part of a message that may tell the cause: all of it, or nothing if it names a file."""
    return "" if isinstance(error, NAMING_FILES) else message_of(error)


def _raised_at(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f", raised at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
