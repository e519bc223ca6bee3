"""The real pynvml on a stub of the driver: drivers that refuse, old ones, partitions, other processes, slow answers."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pynvml
import pytest

from benchmarks.harness.controller import gpus as visible_gpus
from benchmarks.harness.controller.machine import gpu_processes, gpus, nvml
from benchmarks.harness.controller.machine.gpu_processes import ForeignUse, Ours
from benchmarks.harness.protocol.events import OnGpu
from tests.nullcuda.build import build_nvml, missing

FIRST = "00010203-0405-0607-0809-0a0b0c0d0e0f"
SECOND = "10111213-1415-1617-1819-1a1b1c1d1e1f"
PARTITION = "00010203-0405-0607-0809-0a0b0c0d0ea1"
RANK, LOADER, OTHER = 4001, 4002, 4003
MIB = 2**20
ALL = {
    "energy_joules",
    "power_watts",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "temperature_celsius",
    "memory_temperature_celsius",
    "clock_event_bits",
    "utilisation_percent",
    "memory_utilisation_percent",
    "foreign",
}
SETTINGS = {
    "sm_clock_max_mhz": 1980,
    "memory_clock_max_mhz": 2619,
    "power_limit_watts": 700.0,
    "persistence_mode": True,
    "compute_mode": "exclusive_process",
    "ecc_uncorrected_errors": 0,
}
ERRORS = {
    "not supported": 3,
    "no permission": 4,
    "GPU is lost": 15,
    "invalid argument": 2,
    "not found": 13,
    "unknown": 999,
}
Variables = Callable[..., None]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The driver of today, and one before R510, which lacks functions."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("nvml")
    found = {"new": folder / "new.so", "old": folder / "old.so"}
    build_nvml(found["new"])
    build_nvml(found["old"], "-DOLD_DRIVER")
    return found


@pytest.fixture
def driver(libraries: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`driver(NVML_FAIL="PowerUsage:3", library="old")`: pynvml with this driver."""
    for name in [name for name in os.environ if name.startswith("NULLCUDA_") or name == "CUDA_VISIBLE_DEVICES"]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(gpu_processes, "_in_first_namespace", lambda: True)

    def install(library: str = "new", **variables: str) -> None:
        monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(libraries[library])))
        monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        for name, value in variables.items():
            monkeypatch.setenv(f"NULLCUDA_{name}", value)
        assert nvml.initialised()

    return install


def gpu(uuid: str = FIRST) -> nvml.Gpu:
    found = nvml.gpu_at(OnGpu(uuid, "00000000:01:00.0"))
    assert found is not None
    return found


def sampled(of: nvml.Gpu | None = None) -> dict[str, Any]:
    """The values that are known."""
    found = asdict(gpus.sample(of or gpu(), Ours(RANK, lambda: {RANK, LOADER}, ())))
    return {name: value for name, value in found.items() if value is not None and name != "at"}


def test_every_value_is_read(driver: Variables) -> None:
    driver()
    found = sampled()
    assert found.pop("energy_joules") > 0
    assert found == {
        "power_watts": 650.123,
        "sm_clock_mhz": 1755,
        "memory_clock_mhz": 2619,
        "temperature_celsius": 61,
        "memory_temperature_celsius": 70,
        "clock_event_bits": 4,
        "utilisation_percent": 99,
        "memory_utilisation_percent": 61,
        "foreign": {"processes": 0, "memory_bytes": 0, "utilisation_percent": 0.0},
    }
    assert asdict(gpus.settings(gpu())) == SETTINGS


ENERGY_AND_FIELDS = "TotalEnergyConsumption:{0},FieldValues:{0}"
LOST = [
    ("PowerUsage:{0}", {"power_watts"}),
    ("TotalEnergyConsumption:{0}", set()),  # the field has it too
    (ENERGY_AND_FIELDS, {"energy_joules", "memory_temperature_celsius"}),
    ("ClockInfo:{0}", {"sm_clock_mhz", "memory_clock_mhz"}),
    ("TemperatureV:{0}", set()),
    ("TemperatureV:{0},Temperature:{0}", {"temperature_celsius"}),
    ("CurrentClocksEventReasons:{0}", set()),
    ("CurrentClocksEventReasons:{0},CurrentClocksThrottleReasons:{0}", {"clock_event_bits"}),
    ("UtilizationRates:{0}", {"utilisation_percent", "memory_utilisation_percent"}),
    ("FieldValues:{0}", {"memory_temperature_celsius"}),
    ("ComputeRunningProcesses_v3:{0}", set()),
    ("ComputeRunningProcesses_v3:{0},ComputeRunningProcesses_v2:{0}", {"foreign"}),
    ("GraphicsRunningProcesses_v3:{0},MPSComputeRunningProcesses_v3:{0}", set()),
    ("IsMigDeviceHandle:{0},MigMode:{0}", set()),
    ("*:{0}", ALL),
]


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_refused_question_costs_its_own_value_alone(
    driver: Variables, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    driver()
    for failing, lost in LOST:
        monkeypatch.setenv("NULLCUDA_NVML_FAIL", failing.format(error))
        assert set(sampled()) == ALL - lost, failing
    for failing, name in (("EnforcedPowerLimit", "power_limit_watts"), ("TotalEccErrors", "ecc_uncorrected_errors")):
        monkeypatch.setenv("NULLCUDA_NVML_FAIL", f"{failing}:{error}")
        assert asdict(gpus.settings(gpu())) == SETTINGS | {name: None}


def test_a_driver_without_the_newer_functions(driver: Variables) -> None:
    driver("old", NVML_PROCESSES=f"{RANK}:1000,{OTHER}:10")
    found = sampled()
    assert set(found) == ALL - {"energy_joules", "memory_temperature_celsius"}
    assert found["foreign"] == {"processes": 1, "memory_bytes": 10 * MIB, "utilisation_percent": 0.0}
    assert asdict(gpus.settings(gpu())) == SETTINGS


def test_gpus_are_told_apart_by_their_uuids(driver: Variables) -> None:
    driver(DEVICES="2", NVML_ORDER="reversed")
    handles = [gpu(uuid).own for uuid in (FIRST, SECOND)]
    assert [handle.value for handle in map(ctypes.cast, handles, [ctypes.c_void_p] * 2)] == [1, 2]
    by_bus = nvml.gpu_at(OnGpu("unknown", "00000000:02:00.0"))
    assert by_bus is not None
    assert ctypes.cast(by_bus.own, ctypes.c_void_p).value == 2
    assert nvml.gpu_at(OnGpu("unknown", "00000000:07:00.0")) is None


def test_a_partition(driver: Variables) -> None:
    driver(NVML_MIG="1", NVML_PROCESSES=f"{RANK}:1000,{OTHER}:10")
    found = gpu(PARTITION)
    assert found.partition
    values = sampled(found)
    assert set(values) == ALL - {"energy_joules", "utilisation_percent", "memory_utilisation_percent"}
    assert values["foreign"] == {"processes": 1, "memory_bytes": 10 * MIB, "utilisation_percent": None}
    assert asdict(gpus.settings(found)) == SETTINGS


def test_of_a_divided_gpu_the_visible_partition_counts(driver: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(NVML_MIG="1", NVML_PROCESSES=f"{RANK}:1000")
    assert "foreign" not in sampled(gpu())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"MIG-{PARTITION}")
    assert sampled(gpu())["foreign"]["processes"] == 0


@pytest.mark.parametrize(
    ("visible", "count"),
    [
        (None, 2),
        ("1,0", 2),
        ("GPU-0001,GPU-1", 2),
        (f"GPU-{SECOND}", 1),
        ("GPU-", 0),
        (f"MIG-{PARTITION}", 0),
    ],
)
def test_the_visible_gpus(driver: Variables, monkeypatch: pytest.MonkeyPatch, visible: str | None, count: int) -> None:
    driver(DEVICES="2")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus.cuda_gpu_count() == count
    monkeypatch.setenv("NULLCUDA_NVML_MIG", "1")
    if visible is None or visible.startswith("MIG"):
        assert visible_gpus.cuda_gpu_count() == 1


FOREIGN = [
    ({"PROCESSES": f"{RANK}:1000,{LOADER}:1"}, ForeignUse(0, 0, 0.0)),
    ({"PROCESSES": f"{RANK}:1000,{OTHER}:10", "USE": f"{RANK}:60,{OTHER}:35"}, ForeignUse(1, 10 * MIB, 35.0)),
    ({"PROCESSES": f"{RANK}:1000,{OTHER}"}, ForeignUse(1, None, 0.0)),
    ({"PROCESSES": f"{RANK}:1000", "GRAPHICS": "4004:20,4005:30"}, ForeignUse(2, 50 * MIB, 0.0)),
    ({"PROCESSES": f"{OTHER}:10", "MPS": f"{RANK}:1000"}, ForeignUse(1, 10 * MIB, 0.0)),
    ({"PROCESSES": "0:10,0:20"}, ForeignUse(2, 30 * MIB, 0.0)),
    ({"PROCESSES": f"{RANK}:1,{OTHER}:1", "USE": f"{OTHER}:4000000000"}, ForeignUse(1, MIB, 100.0)),
    ({"PROCESSES": f"{RANK}:1,{OTHER}:1", "FAIL": "ProcessUtilization:3"}, ForeignUse(1, MIB, None)),
]


@pytest.mark.parametrize(("variables", "expected"), FOREIGN, ids=[str(variables) for variables, _ in FOREIGN])
def test_other_processes(driver: Variables, variables: dict[str, str], expected: ForeignUse) -> None:
    driver(**{f"NVML_{name}": value for name, value in variables.items()})
    assert sampled()["foreign"] == asdict(expected)


def test_a_sample_costs_little_and_what_a_slow_driver_takes_shows_in_its_duration(
    driver: Variables, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver()
    eight = [gpu() for _ in range(8)]
    assert min(round_seconds(eight, time.thread_time) for _ in range(3)) < 0.01  # 0.5 ms on a quiet machine
    monkeypatch.setenv("NULLCUDA_NVML_SLOW", "3000")
    assert round_seconds(eight, time.perf_counter) > 0.2


def round_seconds(of: list[nvml.Gpu], clock: Callable[[], float]) -> float:
    begin = clock()
    for each in of:
        sampled(each)
    return clock() - begin
