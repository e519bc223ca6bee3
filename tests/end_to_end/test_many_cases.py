"""Many cases in one session: the pytest process holds no more after the last than after the first.

By default it runs a few cases. OCR_MANY_CASES=200 in the environment makes it a proof, which takes a while.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from suite import ROOT, suite_command, suite_environment

CASES = int(os.environ.get("OCR_MANY_CASES", "3"))
NAMES = [f"tiny_sp_bs{batch}_fp32_cpu1" for batch in range(1, CASES + 1)]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Held:
    """What a process holds at one time."""

    descriptors: int
    threads: int
    children: int
    megabytes: float


def held(process: psutil.Process) -> Held:
    return Held(
        process.num_fds(),
        process.num_threads(),
        len(process.children()),  # those of the rank come and go: it asks git for the commit
        process.memory_info().rss / 2**20,
    )


@pytest.mark.exhaustive
def test_no_case_leaves_anything_in_the_pytest_process(image_folder: Path, tmp_path: Path) -> None:
    wanted = [argument for name in NAMES for argument in ("--ocr-case", name)]
    given = ("--ocr-data", image_folder, "--ocr-output", tmp_path, "--ocr-image-size", 64)
    short = ("--ocr-steps", 2, "--ocr-warmup", 0, "--ocr-loader-workers", 0)
    with (tmp_path / "pytest.txt").open("w") as output:
        process = subprocess.Popen(
            suite_command("benchmarks", *wanted, *given, *short), cwd=ROOT, env=suite_environment(), stdout=output
        )
    watched = psutil.Process(process.pid)
    during: list[Held] = []  # while a case is in its measured steps: always at the same point
    for name in NAMES:
        log = tmp_path / "train_log" / f"ocr_{name.replace('tiny', 'Tiny')}"
        while not (log.exists() and "step: 2/2" in log.read_text()):
            assert process.poll() is None, (tmp_path / "pytest.txt").read_text()
            time.sleep(0.05)
        during.append(held(watched))
    assert process.wait(timeout=60) == 0, (tmp_path / "pytest.txt").read_text()
    print(f"{CASES} cases: after the second {during[1]}, after the last {during[-1]}")
    second, last = during[1], during[-1]
    assert last.descriptors <= second.descriptors
    assert last.threads <= second.threads
    assert last.children <= second.children
    assert last.megabytes <= second.megabytes + 2 + 0.02 * CASES  # an artifact per case is kept for the table
    assert last.megabytes < 120
