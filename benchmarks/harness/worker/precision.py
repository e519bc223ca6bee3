"""The precision that a case asks for: applied to torch, and read back from it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import msgspec
import torch

from benchmarks.cases import Case
from benchmarks.harness.protocol.precision import AUTOCAST, FP32_MODES, GROWTH_INTERVAL, INITIAL_LOSS_SCALE
from benchmarks.harness.protocol.reports import PrecisionSettings

AUTOCAST_DTYPES: dict[str, torch.dtype] = {precision: getattr(torch, name) for precision, name in AUTOCAST.items()}


class PrecisionError(RuntimeError):
    """Torch uses other arithmetic than the case asks for: one line."""


def apply_precision(case: Case) -> None:
    """Set the arithmetic of float32 matrix products and convolutions. By default torch uses TF32 for convolutions."""
    mode = FP32_MODES[case.precision]
    # The older switches too, and first: the compiler of some versions reads them, and they must agree.
    torch.backends.cuda.matmul.allow_tf32 = mode == "tf32"
    torch.backends.cudnn.allow_tf32 = mode == "tf32"
    torch.backends.fp32_precision = mode  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = mode
    torch.backends.cudnn.conv.fp32_precision = mode  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = mode  # type: ignore[attr-defined]


def autocast(case: Case) -> AbstractContextManager[Any]:
    """The context in which the forward pass runs."""
    dtype = AUTOCAST_DTYPES.get(case.precision, torch.float32)
    return torch.autocast(case.device, dtype=dtype, enabled=case.precision in AUTOCAST_DTYPES)


def gradient_scaler(case: Case) -> torch.amp.GradScaler:
    """Scales the loss in fp16, in which small gradients underflow; does nothing in other precisions."""
    return torch.amp.GradScaler(
        case.device,
        init_scale=INITIAL_LOSS_SCALE,
        growth_interval=GROWTH_INTERVAL,
        enabled=case.precision == "fp16",
    )


def working_dtype(case: Case) -> torch.dtype:
    """Data type of the matrix products of the step."""
    return AUTOCAST_DTYPES.get(case.precision, torch.float32)


def effective_precision(case: Case) -> PrecisionSettings:
    """The arithmetic that torch is set to."""
    dtype = AUTOCAST_DTYPES.get(case.precision)
    matmul, convolution = _float32_modes()
    settings = {
        "matmul": matmul,
        "convolution": convolution,
        "autocast": None if dtype is None else str(dtype).removeprefix("torch."),
        "gradient_scaler": case.precision == "fp16",
    }
    return msgspec.convert(settings, PrecisionSettings)


def check_precision(case: Case) -> None:
    """Raises PrecisionError if torch is set to other arithmetic than the case asks for."""
    mode = FP32_MODES[case.precision]
    matmul, convolution = _float32_modes()
    if (matmul, convolution) != (mode, mode):
        raise PrecisionError(
            f"{case} asks for {mode} in float32, but torch is set to {matmul} in matrix products and to "
            f"{convolution} in convolutions"
        )


def _float32_modes() -> tuple[str, str]:
    """Of matrix products and of convolutions: "ieee", "tf32", or "none" if nothing was set."""
    convolution = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    return torch.backends.cuda.matmul.fp32_precision, convolution
