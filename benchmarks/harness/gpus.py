"""What NVML tells of the GPUs, without torch and without starting CUDA."""

from __future__ import annotations

import os
from typing import Any

import pynvml


def cuda_gpu_count() -> int:
    """CUDA GPUs that a process started from here would see; 0 where there is no driver."""
    try:
        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return count
    usable = 0
    for entry in filter(None, map(str.strip, visible.split(","))):
        if entry.lstrip("-").isdigit() and not 0 <= int(entry) < count:
            break  # CUDA ignores everything from the first entry on that is no GPU
        usable += 1
    return usable


def driver_version() -> str | None:
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def gpu_state(uuid: str) -> dict[str, Any] | None:
    """Clock, power, temperature, and the bits of why the GPU is slowed down; None where the driver does not tell."""
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return {
            "sm_clock_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
            "power_watts": pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
            "temperature_celsius": pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
            "throttle_reasons": pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
        }
    except pynvml.NVMLError:
        return None
