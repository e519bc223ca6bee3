"""What NVML reports of a GPU that is in use."""

from __future__ import annotations

import pynvml

from benchmarks.harness.protocol.reports import GpuState


def gpu_state(uuid: str) -> GpuState | None:
    """Clock, power, temperature and throttle reasons; None if the driver does not report them."""
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return GpuState(
            sm_clock_mhz=pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
            power_watts=pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
            temperature_celsius=pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
            throttle_reasons=pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
        )
    except pynvml.NVMLError:
        return None


def driver_version() -> str | None:
    """Version of the GPU driver; None if there is none."""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None
