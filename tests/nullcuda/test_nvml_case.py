"""A whole case on the null device: what was sampled of its GPU is in its artifact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from artifacts import read_artifact
from benchmarks.harness.results import store
from benchmarks.harness.results.checks.speed import speed_contradictions
from benchmarks.harness.results.formats import SPEED
from suite import RunPytest

OTHER = 2**22 + 1
"""A number above those of processes."""


@pytest.mark.slow
def test_the_gpu_of_a_case_is_sampled_during_its_measured_steps(
    run_pytest: RunPytest, device_variables: Callable[..., dict[str, str]], image_folder: Path, tmp_path: Path
) -> None:
    """On a driver without an energy counter, whose second GPU is CUDA's first, beside another program."""
    driver = {
        "NULLCUDA_DEVICES": "2",
        "NULLCUDA_NVML_ORDER": "reversed",
        "NULLCUDA_NVML_FAIL": "TotalEnergyConsumption:3,FieldValues:3,MaxClockInfo:4",
        "NULLCUDA_NVML_REASONS": "0x44",
        "NULLCUDA_NVML_PROCESSES": f"{OTHER}:100",
        "NULLCUDA_NVML_USE": f"{OTHER}:30",
    }
    run_pytest(  # the small model makes the host wait, for which the case fails; its GPU is reported all the same
        *("benchmarks", "--ocr-case", "tinyplain_sp_bs4_fp32_1", "--ocr-data", image_folder, "--ocr-output", tmp_path),
        *("--ocr-image-size", 64, "--ocr-steps", 600, "--ocr-warmup", 11),  # 40 end between two samples
        **device_variables(**driver),
    )
    artifact = read_artifact(tmp_path, "ocr_TinyPlain_sp_bs4_fp32_1")
    details = artifact["details"]
    (gpu,) = details["machine"]["gpus"]
    assert gpu["seconds"] == pytest.approx(details["measured_seconds"], abs=1.0)
    assert gpu["power_watts"] == {"min": 650.123, "mean": 650.123, "max": 650.123}
    assert gpu["energy_joules"] == pytest.approx(650.123 * gpu["seconds"])
    assert (gpu["energy_source"], gpu["memory_temperature_celsius"], gpu["sm_clock_max_mhz"]) == ("power", None, None)
    assert gpu["clock_event_reasons"] == {"sw_power_cap": 1.0, "hw_thermal_slowdown": 1.0}
    assert (gpu["foreign_processes"], gpu["foreign_memory_bytes"]) == (1, 100 * 2**20)
    slow = "the GPU of rank 0 was slowed down in 100% of the samples (limit 10%): hw_thermal_slowdown"
    others = "1 other program with 0.1 GB used 30 % of the GPU of rank 0 (limit 5 %)"
    assert {slow, others} <= set(details["machine"]["reasons"])
    assert details["power_watts"] == pytest.approx(650.123)
    contradictions = speed_contradictions(store.decoded(artifact, SPEED))
    assert [line for line in contradictions if "gpus" in line or "power" in line] == []
