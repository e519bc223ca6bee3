"""The training step of each model on the CPU, compared with a large matrix product."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.components.ratios import Ratio, ratio_of_medians
from benchmarks.components.reporting import RatioReport, component
from benchmarks.harness.controller.launch import ALLOCATOR
from benchmarks.harness.protocol.machine import ROOT

pytestmark = component("step")

TARGETS = {"psenet_sp_bs2_fp32_cpu1": 0.95, "dbr18_sp_bs2_fp32_cpu1": 0.75}


@pytest.mark.parametrize("case", TARGETS)
def test_training_step_on_the_cpu(case: str, data_folder: Path, ratio_report: RatioReport) -> None:
    """Floating-point operations per second of a case's step, divided by those of a float32 product of size 4096.

    Both are timed in a process with the environment of a rank.
    """
    from benchmarks.components.step_rate import StepTimes

    arguments = (case, str(data_folder), "320", "10")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.components.step_rate", *arguments],
        cwd=ROOT,
        env={"GLIBC_TUNABLES": ALLOCATOR, **os.environ},
        stdout=subprocess.PIPE,
        check=True,
    )
    times = StepTimes.read(done.stdout)
    flops_ratio = times.step_flops / times.matmul_flops
    rate_ratio = flops_ratio * ratio_of_medians(times.matmul_seconds, times.step_seconds)
    name = f"rate of the step of {case} / rate of a matmul"
    ratio_report.add(Ratio(name, rate_ratio, TARGETS[case], "at least"), times.step_seconds)
