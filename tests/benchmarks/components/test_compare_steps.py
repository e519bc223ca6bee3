from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks.components import compare_steps
from benchmarks.components.compare_steps import (
    Step,
    default_device,
    main,
    medians_in_turns,
    seconds_in_turns,
    suite_cases,
    suite_variants,
)
from suite import ROOT

HEADINGS = ["step", "samples/s", "times baseline", "CPU s/step", "CPU / baseline", "matmul fraction", "target"]


def small(model: str, data: Path) -> list[str]:
    given = ["--model", model, "--batch-size", "2", "--image-size", "64", "--steps", "1", "--rounds", "1"]
    return [*given, "--data", str(data)]


def check_table(text: str, cases: list[str]) -> None:
    head, baseline, *own = text.splitlines()
    assert re.split(r"  +", head.strip()) == HEADINGS
    assert baseline.startswith("baseline fp32")
    assert "1.000" in baseline.split()
    assert [line.split()[0] for line in own] == cases
    assert all(float(line.split()[3]) > 0 for line in own)


@pytest.mark.exhaustive
def test_the_command_prints_a_row_per_variant(image_folder: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.components.compare_steps", *small("dbr18", image_folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    check_table(done.stdout, [str(case) for case in suite_cases("dbr18", default_device(), 2)])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["dbr18", pytest.param("psenet", marks=pytest.mark.exhaustive)])
def test_the_step_of_a_model_is_compared(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    """In fp32 alone: a CPU without AVX-512 takes half a minute for the other steps."""
    fp32 = suite_cases(model, torch.device("cpu"), 2)[:1]
    monkeypatch.setattr(compare_steps, "suite_cases", lambda *_: fp32)
    assert main(small(model, image_folder)) == 0
    check_table(capsys.readouterr().out, [f"{model}_sp_bs2_fp32_cpu1"])


def test_a_gpu_compares_the_compiled_step_too() -> None:
    assert [case.variant for case in suite_cases("psenet", torch.device("cpu"), 16)] == ["fp32", "bf16"]
    assert [case.variant for case in suite_cases("dbr50", torch.device("cuda"), 16)] == ["fp32", "bf16", "bf16_compile"]


def test_variants_take_turns_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []
    steps: dict[str, Step] = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = seconds_in_turns(steps, torch.device("cpu"), count=2, rounds=2)
    assert calls == ["a", "a", "b", "b"] * 3
    assert {name: len(own) for name, own in seconds.items()} == {"a": 2, "b": 2}


def test_waiting_costs_wall_clock_and_work_costs_cpu_seconds() -> None:
    def work() -> None:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass

    steps: dict[str, Step] = {"wait": lambda: time.sleep(0.02), "work": work}
    times = medians_in_turns(steps, torch.device("cpu"), count=2, rounds=1)
    assert times["wait"].wall >= 0.02 > 2 * times["wait"].cpu
    assert times["work"].cpu >= 0.02


def test_both_memory_formats_are_compared_of_eager_steps() -> None:
    names = [str(each) for each in suite_variants("psenet", torch.device("cuda"), 16, both_formats=True)]
    cases = [str(case) for case in suite_cases("psenet", torch.device("cuda"), 16)]
    fp32, bf16, _ = cases
    formats = ("channels_last", "contiguous")
    assert names == cases + [f"{case} {name}" for case in (fp32, bf16) for name in formats]
    assert [str(each) for each in suite_variants("psenet", torch.device("cuda"), 16)] == cases


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image-size", "100"], "argument --image-size: 100 is not a multiple of 32 pixels from 64 to 8192"),
        (["--model", "psenetr18"], "argument --model: invalid choice: 'psenetr18'"),
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
