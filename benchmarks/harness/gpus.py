"""What NVML tells of the GPUs, without torch and without starting CUDA."""

from __future__ import annotations

import os
from typing import Any

import pynvml

from benchmarks.cases import Case


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
    usable: set[str] = set()
    for entry in map(str.strip, visible.split(",")):
        known = int(entry) < count if entry.isdigit() else entry.startswith(("GPU-", "MIG-"))
        if not known or entry in usable:
            break  # CUDA ignores everything from the first entry on that is no GPU
        usable.add(entry)
    return min(len(usable), count)


def lacking(case: Case, nodes: int = 1) -> str | None:
    """Why a case cannot run here, on each of `nodes` nodes; None where it can."""
    if case.processes % nodes:
        return f"{case.processes} processes cannot be divided among {nodes} nodes"
    needed = case.gpu_count // nodes
    if needed <= (found := cuda_gpu_count() if needed else 0):
        return None
    return f"needs {needed} CUDA GPU{'s' if needed > 1 else ''}{' a node' if nodes > 1 else ''}, found {found}"


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
