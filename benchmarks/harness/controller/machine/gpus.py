"""A GPU of the case at one moment, by NVML: without torch, and outside the ranks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pynvml

from benchmarks.harness.controller.machine.gpu_processes import ForeignUse, Ours, foreign_use
from benchmarks.harness.controller.machine.nvml import NOT_AVAILABLE, Gpu
from benchmarks.harness.protocol.gpu_report import ComputeMode

COMPUTE_MODES: tuple[ComputeMode, ...] = ("default", "exclusive_thread", "prohibited", "exclusive_process")


@dataclass(frozen=True, kw_only=True)
class GpuSample:
    """One GPU at one moment. None if the driver does not report it.

    Attributes:
        at: monotonic seconds, when the energy was read.
        energy_joules: since the driver was loaded; None for a partition, which shares the counter with others.
        clock_event_bits: what sets or reduces the clock now.
    """

    at: float
    energy_joules: float | None = None
    power_watts: float | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    temperature_celsius: int | None = None
    memory_temperature_celsius: int | None = None
    clock_event_bits: int | None = None
    utilisation_percent: int | None = None
    memory_utilisation_percent: int | None = None
    foreign: ForeignUse | None = None


@dataclass(frozen=True, kw_only=True)
class GpuSettings:
    """What does not change while a case runs. None if the driver does not report it."""

    sm_clock_max_mhz: int | None = None
    memory_clock_max_mhz: int | None = None
    power_limit_watts: float | None = None
    persistence_mode: bool | None = None
    compute_mode: ComputeMode | None = None
    ecc_uncorrected_errors: int | None = None


def sample(gpu: Gpu, ours: Ours) -> GpuSample:
    """The state now. Each value stands by itself."""
    energy = _asked(gpu, ("TotalEnergyConsumption",), field="NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION")
    at = time.monotonic()
    use = gpu.ask("nvmlDeviceGetUtilizationRates")
    return GpuSample(
        at=at,
        energy_joules=None if gpu.partition else _thousandth(energy),
        power_watts=_thousandth(_asked(gpu, ("PowerUsage",), field="NVML_FI_DEV_POWER_INSTANT")),
        sm_clock_mhz=gpu.ask_card("nvmlDeviceGetClockInfo", pynvml.NVML_CLOCK_SM),
        memory_clock_mhz=gpu.ask_card("nvmlDeviceGetClockInfo", pynvml.NVML_CLOCK_MEM),
        temperature_celsius=_asked(gpu, ("TemperatureV", "Temperature"), pynvml.NVML_TEMPERATURE_GPU),
        memory_temperature_celsius=_asked(gpu, (), field="NVML_FI_DEV_MEMORY_TEMP"),
        clock_event_bits=_asked(gpu, ("CurrentClocksEventReasons", "CurrentClocksThrottleReasons")),
        utilisation_percent=None if use is None else _percent(use.gpu),
        memory_utilisation_percent=None if use is None else _percent(use.memory),
        foreign=foreign_use(gpu, ours),
    )


def settings(gpu: Gpu) -> GpuSettings:
    """The settings and limits of the whole GPU."""
    persistence = gpu.ask_card("nvmlDeviceGetPersistenceMode")
    mode = gpu.ask_card("nvmlDeviceGetComputeMode")
    ecc = (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
    return GpuSettings(
        sm_clock_max_mhz=gpu.ask_card("nvmlDeviceGetMaxClockInfo", pynvml.NVML_CLOCK_SM),
        memory_clock_max_mhz=gpu.ask_card("nvmlDeviceGetMaxClockInfo", pynvml.NVML_CLOCK_MEM),
        power_limit_watts=_thousandth(gpu.ask_card("nvmlDeviceGetEnforcedPowerLimit")),
        persistence_mode=None if persistence is None else bool(persistence),
        compute_mode=COMPUTE_MODES[mode] if mode in range(len(COMPUTE_MODES)) else None,
        ecc_uncorrected_errors=gpu.ask_card("nvmlDeviceGetTotalEccErrors", *ecc),
    )


def _asked(gpu: Gpu, names: tuple[str, ...], *arguments: Any, field: str = "") -> Any:
    """By the first of these functions that answers, else by the field: what one driver lacks, another has."""
    for name in names:
        if (found := gpu.ask_card(f"nvmlDeviceGet{name}", *arguments)) is not None:
            return found
    number = getattr(pynvml, field, None) if field else None
    return None if number is None else gpu.ask_field(number)


def _thousandth(value: int | None) -> float | None:
    """NVML counts milliwatts and millijoules."""
    return None if value is None else value / 1000


def _percent(value: int) -> int | None:
    """Some drivers report a few per cent more than a hundred."""
    return None if value in NOT_AVAILABLE else min(100, value)
