"""What NVML reports of the GPU of a rank over its measured window, and the file in which it reaches that rank."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from benchmarks.harness.protocol.quantities import Amount, Bytes, Count, Fraction, PositiveCount, PositiveSeconds, about

CLOCK_EVENT_REASONS = {
    0x1: "gpu_idle",
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
    0x200: "board_limit",
    0x400: "reliability",
}
"""NVML's bits for what sets or reduces a clock (clock event reasons, formerly throttle reasons)."""
SLOWDOWN = 0x8 | 0x20 | 0x40 | 0x80
"""Heat, hardware and power brake. The power cap is no disturbance: a GPU at full load reaches it."""
BITS = 64
ENERGY_FACTOR = 2.0
"""Many GPUs report the mean power of the last second, so the energy of a short window may differ from it."""

Percent = Annotated[float, Meta(ge=0, le=100)]
ComputeMode = Literal["default", "exclusive_thread", "prohibited", "exclusive_process"]

_POLL_SECONDS = 0.05


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the samples that have the value, in the unit of the field."""

    min: Annotated[float, about("smallest")]
    mean: Annotated[float, about("arithmetic mean")]
    max: Annotated[float, about("largest")]


class GpuReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The GPU of one rank over its measured window. Null if the driver does not report it."""

    rank: Annotated[Count, about("the rank that trains on it")]
    partition: Annotated[
        bool, about("a part of a GPU (MIG): clocks, temperatures and power are those of the whole GPU")
    ]
    seconds: Annotated[PositiveSeconds, about("the measured window of the rank, by its reports")]
    samples: Annotated[PositiveCount, about("in the window; if none was, those before and after it")]
    sm_clock_mhz: Annotated[Spread | None, about("clock of the multiprocessors")]
    sm_clock_max_mhz: Annotated[Count | None, about("highest clock that the GPU supports")]
    memory_clock_mhz: Spread | None
    memory_clock_max_mhz: Annotated[Count | None, about("highest clock of the memory that the GPU supports")]
    power_watts: Annotated[Spread | None, about("power draw; many GPUs report the mean of the last second")]
    power_limit_watts: Annotated[Amount | None, about("limit that is enforced")]
    temperature_celsius: Spread | None
    memory_temperature_celsius: Spread | None
    utilisation_percent: Annotated[Spread | None, about("part of the time in which a kernel ran")]
    memory_utilisation_percent: Annotated[Spread | None, about("part of the time in which memory was read or written")]
    clock_event_bits: Annotated[Count | None, about("all of NVML's clock event reasons that were seen")]
    clock_event_reasons: Annotated[dict[str, Fraction], about("their names -> part of the samples that had them")]
    slowdown_fraction: Annotated[
        Fraction | None, about("part of the samples with a slowdown by heat, by hardware or by a power brake")
    ]
    energy_joules: Annotated[Amount | None, about("used in the window; null for a partition")]
    energy_source: Annotated[
        Literal["counter", "power"] | None, about("the energy counter of the GPU, or the samples of the power")
    ]
    persistence_mode: Annotated[bool | None, about("whether the driver stays loaded without a process on the GPU")]
    compute_mode: ComputeMode | None
    ecc_uncorrected_errors: Annotated[Count | None, about("since the driver was loaded")]
    foreign_processes: Annotated[
        Count | None, about("most processes at once that are not of the case; programs that draw included")
    ]
    foreign_memory_bytes: Annotated[Bytes | None, about("most memory at once that they had")]
    foreign_utilisation_percent: Annotated[Percent | None, about("mean use of the multiprocessors by them")]


def reason_names(bits: int) -> dict[int, str]:
    """Bit -> name of each clock event reason in `bits`. Those of later drivers are named by their value."""
    found = [1 << number for number in range(BITS) if bits >> number & 1]
    return {bit: CLOCK_EVENT_REASONS.get(bit, f"unknown_{bit:#x}") for bit in found}


def energy_fits(watts: float, power: Spread | None) -> bool:
    """Whether a mean power that follows from the energy agrees with the power that was sampled."""
    return power is None or power.min / ENERGY_FACTOR <= watts <= power.max * ENERGY_FACTOR


def write_gpu_report(run_folder: Path, rank: int, report: GpuReport | None) -> None:
    """Publish the report for its rank, which passes it on with its result: so it also reaches other nodes. None: there
    will be no report.

    Raises:
        OSError: if the folder cannot be written.
    """
    path = _path(run_folder, rank)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(msgspec.json.encode(report))
    unfinished.rename(path)


def await_gpu_report(run_folder: Path, rank: int, seconds: float) -> GpuReport | None:
    """The report of a rank's GPU, which the pytest process writes soon after the window; None if there is none."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
            return msgspec.json.decode(_path(run_folder, rank).read_bytes(), type=GpuReport | None)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)


def _path(run_folder: Path, rank: int) -> Path:
    return run_folder / f"gpu{rank}.json"
