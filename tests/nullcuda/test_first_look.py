"""The command for the first minutes on a GPU, tried on a device that computes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from suite import ROOT, suite_environment
from tests.nullcuda.conftest import OnDevice


def test_operations_are_tried_in_half_precision_and_both_formats(on_device: OnDevice, tmp_path: Path) -> None:
    found = on_device("first_look:operations_in_doubt", str(tmp_path))
    for variant in ("bfloat16 channels_last", "float32 channels_last", "float32 planes"):
        value = found[f"convolution 3x3 16 to 8, {variant}: backward"]
        # Where nothing takes time, both directions together can take less than one alone.
        assert value == "not measurable" or value > 0
        assert f"batch norm, {variant}: backward" in found
    assert "resize pyramid x8, bfloat16 channels_last, suite, eager: backward" in found


@pytest.mark.slow
def test_the_whole_command_leaves_a_summary_and_its_cases(
    device_variables: Callable[..., dict[str, str]], image_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "look"
    given = ("--small", "--model", "tinyfixed", "--data", image_folder, "--output", output)
    command = [sys.executable, "-m", "benchmarks.first_look", *map(str, given)]
    environment = suite_environment(**device_variables())
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = json.loads((output / "summary.json").read_text())
    found = {each["name"]: {one["name"]: one["value"] for one in each["findings"]} for each in summary["pieces"]}
    assert [each["status"] for each in summary["pieces"]] == ["ok"] * 4
    assert found["ceilings"]["device"] == "NVIDIA H100 80GB HBM3"
    assert {"copy", "matmul bf16 burst", "matmul bf16 held", "matmul fp32 held"} <= found["ceilings"].keys()
    assert {"backward, device", "backward, host"} <= found["step"].keys()
    assert found["step"]["calls that made the host wait in 3 steps"] == 0
    assert "share of the vendor's peak" in found["tinyfixed_sp_bs2_bf16_1"]
    assert "not compared" in found["formats"]  # the small model has one memory format
    assert "| tinyfixed_sp_bs2_bf16_1 | ok | " in (output / "summary.md").read_text()
    (path,) = (output / "cases" / "index").iterdir()
    details = json.loads(path.read_text())["details"]
    work = details["ranks"][0]["probes"]["limits"]["step_work"]
    assert set(work["stage_bytes"]) == {"forward", "backward", "optimizer"}  # backward runs in a thread of its own
    assert work["flops"] > 0
    assert details["roofline"]["host_fraction"] > 0
    assert details["matmul_held_tflops"] > 0
