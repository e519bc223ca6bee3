"""The precision a case asks for, applied to torch, and read back as it is in force."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch

from benchmarks.cases import Case

FP32_MODES = {"tf32": "tf32"}  # of matrix products and convolutions in float32; IEEE in every other precision
AUTOCAST_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class PrecisionError(RuntimeError):
    """Arithmetic in force that is not the one asked for: one line."""


def apply_precision(case: Case) -> None:
    """Set the arithmetic of float32 matrix products and convolutions. Unasked, torch would use TF32 convolutions."""
    mode = FP32_MODES.get(case.precision, "ieee")
    # The older switches too, and first: the compiler of some versions asks them, and they must not say otherwise.
    torch.backends.cuda.matmul.allow_tf32 = mode == "tf32"
    torch.backends.cudnn.allow_tf32 = mode == "tf32"
    torch.backends.fp32_precision = mode  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = mode
    torch.backends.cudnn.conv.fp32_precision = mode  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = mode  # type: ignore[attr-defined]


def autocast(case: Case) -> AbstractContextManager[Any]:
    dtype = AUTOCAST_DTYPES.get(case.precision, torch.float32)
    return torch.autocast(case.device, dtype=dtype, enabled=case.precision in AUTOCAST_DTYPES)


def gradient_scaler(case: Case) -> torch.amp.GradScaler:
    """Scales the loss in fp16, whose range small gradients fall out of; elsewhere passes everything through."""
    return torch.amp.GradScaler(case.device, enabled=case.precision == "fp16")


def working_dtype(case: Case) -> torch.dtype:
    """In which the matrix products of the step are done."""
    return AUTOCAST_DTYPES.get(case.precision, torch.float32)


def precision_in_force(case: Case) -> dict[str, Any]:
    dtype = AUTOCAST_DTYPES.get(case.precision)
    return {
        "matmul": str(torch.backends.cuda.matmul.fp32_precision),
        "convolution": str(torch.backends.cudnn.conv.fp32_precision),  # type: ignore[attr-defined]
        "autocast": None if dtype is None else str(dtype).removeprefix("torch."),
        "gradient_scaler": case.precision == "fp16",
    }


def check_precision(case: Case) -> None:
    """Raises PrecisionError where torch would compute otherwise than the case says."""
    mode = FP32_MODES.get(case.precision, "ieee")
    found = precision_in_force(case)
    if (found["matmul"], found["convolution"]) != (mode, mode):
        raise PrecisionError(
            f"{case} asks for {mode} in float32, and torch is set to {found['matmul']} in matrix products and to "
            f"{found['convolution']} in convolutions"
        )
