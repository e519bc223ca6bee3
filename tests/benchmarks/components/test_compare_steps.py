from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.components.compare_steps import Step, default_device, main, seconds_in_turns, suite_cases
from suite import ROOT

HEADINGS = ["step", "samples/s", "times", "baseline", "matmul", "fraction", "target"]


@pytest.mark.slow
def test_the_command_prints_a_row_per_variant(image_folder: Path) -> None:
    small = ("--batch-size", "2", "--image-size", "64", "--steps", "1", "--rounds", "1", "--data", str(image_folder))
    command = [sys.executable, "-m", "benchmarks.components.compare_steps", *small]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    head, baseline, *own = done.stdout.splitlines()
    assert head.split() == HEADINGS
    assert baseline.startswith("baseline fp32")
    assert "1.000" in baseline.split()
    assert [line.split()[0] for line in own] == [str(case) for case in suite_cases(default_device(), 2)]


def test_a_gpu_compares_the_compiled_step_too() -> None:
    assert [case.variant for case in suite_cases(torch.device("cpu"), 16)] == ["fp32", "bf16"]
    assert [case.variant for case in suite_cases(torch.device("cuda"), 16)] == ["fp32", "bf16", "bf16_compile"]


def test_variants_take_turns_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []
    steps: dict[str, Step] = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = seconds_in_turns(steps, torch.device("cpu"), count=2, rounds=2)
    assert calls == ["a", "a", "b", "b"] * 3
    assert {name: len(own) for name, own in seconds.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image-size", "100"], "argument --image-size: 100 is not a multiple of 32 pixels from 64 to 8192"),
        (["--rounds", "0"], "argument --rounds: '0' is not a positive whole number"),
    ],
)
def test_an_unusable_option_is_refused_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_unusable_data_are_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--batch-size", "1", "--image-size", "64", "--data", str(tmp_path / "missing")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'missing'}: no such folder")
