from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.components.step_rate import StepTimes, step_times
from benchmarks.harness.worker.probes.matmul import SIZE
from suite import ROOT


def test_step_and_product_are_timed_in_each_round_and_their_operations_are_counted(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZE, "cpu", 64)
    times = step_times("psenetr18_sp_bs2_fp32_cpu1", image_folder, pixels=64, rounds=3)
    assert len(times.step_seconds) == len(times.matmul_seconds) == 3
    assert min(times.step_seconds + times.matmul_seconds) > 0
    assert times.matmul_flops == 2 * 64**3


def test_the_operations_of_a_step_are_those_of_its_whole_batch(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZE, "cpu", 64)
    one, four = (
        step_times(f"psenetr18_sp_bs{batch}_fp32_cpu1", image_folder, pixels=64, rounds=1).step_flops
        for batch in (1, 4)
    )
    assert four == 4 * one > 0


@pytest.mark.exhaustive
def test_the_command_prints_the_times(image_folder: Path) -> None:
    arguments = ("psenetr18_sp_bs2_fp32_cpu1", str(image_folder), "64", "1")
    command = [sys.executable, "-m", "benchmarks.components.step_rate", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=240, check=True)
    assert len(StepTimes.read(done.stdout).step_seconds) == 1
