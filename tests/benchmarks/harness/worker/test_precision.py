"""The arithmetic that a case asks for: set, and read back from torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from benchmarks.cases import parse_case
from benchmarks.harness.worker.precision import autocast, gradient_scaler, working_dtype
from suite import ROOT

PROGRAM = """
import torch
from benchmarks.cases import parse_case
from benchmarks.harness.worker.precision import PrecisionError, apply_precision, check_precision, effective_precision

def refusal():
    try:
        check_precision(case)
    except PrecisionError as error:
        return error

for precision, other in [("fp32", "tf32"), ("bf16", "tf32"), ("fp16", "tf32"), ("tf32", "ieee")]:
    case = parse_case(f"psenet_sp_bs2_{precision}_1")
    torch.backends.fp32_precision = torch.backends.cuda.matmul.fp32_precision = "none"
    print(refusal())
    apply_precision(case)
    print(refusal())
    effective = effective_precision(case)
    print(effective.matmul, effective.convolution, effective.autocast, effective.gradient_scaler)
    print(torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)  # which some compilers read
    torch.backends.cudnn.conv.fp32_precision = other
    print(refusal())
"""
LINES_PER_PRECISION = 5


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """In its own process: these settings apply to a whole process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("position", "precision", "mode", "other", "autocast_dtype", "scaled"),
    [
        (0, "fp32", "ieee", "tf32", None, False),
        (1, "bf16", "ieee", "tf32", "bfloat16", False),
        (2, "fp16", "ieee", "tf32", "float16", True),
        (3, "tf32", "tf32", "ieee", None, False),
    ],
)
def test_the_precision_of_a_case_is_effective_and_another_is_refused(
    printed: list[str], position: int, precision: str, mode: str, other: str, autocast_dtype: str | None, scaled: bool
) -> None:
    first = LINES_PER_PRECISION * position
    before, applied, effective, older, refusal = printed[first : first + LINES_PER_PRECISION]
    asked = f"psenet_sp_bs2_{precision}_1 asks for {mode} in float32"
    assert before.startswith(f"{asked}, but torch is set to none in matrix products")
    assert applied == "None"
    assert effective == f"{mode} {mode} {autocast_dtype} {scaled}"
    assert older == f"{mode == 'tf32'} {mode == 'tf32'}"
    assert refusal == f"{asked}, but torch is set to {mode} in matrix products and to {other} in convolutions"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_autocast_and_scaling_follow_from_the_precision(precision: str, dtype: torch.dtype) -> None:
    case = parse_case(f"psenet_sp_bs2_{precision}_cpu1")
    assert working_dtype(case) == dtype
    assert gradient_scaler(case).is_enabled() is (precision == "fp16")
    weight = torch.ones(2, 2)
    with autocast(case):
        assert (weight @ weight).dtype == dtype
