"""The training step on the CPU, compared with a large matrix product."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.components.ratios import Ratio, ratio_of_medians
from benchmarks.components.reporting import RatioReport, component
from benchmarks.harness.controller.launch import ALLOCATOR
from benchmarks.harness.protocol.machine import ROOT

pytestmark = component("step")


def test_training_step_on_the_cpu(data_folder: Path, ratio_report: RatioReport) -> None:
    """Floating-point operations per second of the CPU case's step, divided by those of a float32 product of size 4096.

    Both are timed in a process with the environment of a rank.
    """
    from benchmarks.components.step_rate import StepTimes

    arguments = ("psenet_sp_bs2_fp32_cpu1", str(data_folder), "320", "10")
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
    ratio_report.add(Ratio("rate of the CPU step / rate of a matmul", rate_ratio, 0.95, "at least"), times.step_seconds)
