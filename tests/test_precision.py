"""The arithmetic a case asks for, set and read back; what torch has in force outside is left as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

from suite import ROOT

PROGRAM = """
import torch
from benchmarks.cases import parse_case
from benchmarks.harness.precision import PrecisionError, apply_precision, check_precision, precision_in_force
case = parse_case("psenet_sp_bs2_{precision}_1")
apply_precision(case)
check_precision(case)
print(precision_in_force(case)["matmul"], precision_in_force(case)["convolution"])
print(torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)  # as some compilers ask
torch.backends.cudnn.conv.fp32_precision = "{other}"
try:
    check_precision(case)
except PrecisionError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("precision", "mode", "other"), [("fp32", "ieee", "tf32"), ("bf16", "ieee", "tf32"), ("tf32", "tf32", "ieee")]
)
def test_the_precision_asked_for_is_in_force_and_another_is_refused(precision: str, mode: str, other: str) -> None:
    """In a process of its own: these settings are the whole process's."""
    command = [sys.executable, "-c", PROGRAM.format(precision=precision, other=other)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    in_force, older, refusal = done.stdout.splitlines()
    assert in_force == f"{mode} {mode}"
    assert older == f"{mode == 'tf32'} {mode == 'tf32'}"
    assert f"psenet_sp_bs2_{precision}_1 asks for {mode} in float32" in refusal
    assert f"to {other} in convolutions" in refusal
