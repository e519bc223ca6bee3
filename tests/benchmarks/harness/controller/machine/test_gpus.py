"""A GPU at one moment. NVML is a fake; tests/nullcuda asks the real library about a stub of the driver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pynvml
import pytest

from benchmarks.harness.controller.machine import gpus, nvml
from benchmarks.harness.controller.machine.gpu_processes import ForeignUse, Ours
from benchmarks.harness.controller.machine.gpus import GpuSample, GpuSettings
from benchmarks.harness.protocol.events import OnGpu
from fake_nvml import OURS, FakeNvml

ALONE = Ours(OURS, lambda: {OURS}, ())
SAMPLE = GpuSample(
    at=0.0,
    energy_joules=4000.0,
    power_watts=610.5,
    sm_clock_mhz=1700,
    memory_clock_mhz=2600,
    temperature_celsius=60,
    memory_temperature_celsius=71,
    clock_event_bits=4,
    utilisation_percent=100,
    memory_utilisation_percent=50,
    foreign=ForeignUse(0, 0, 0.0),
)
SETTINGS = GpuSettings(
    sm_clock_max_mhz=1980,
    memory_clock_max_mhz=2619,
    power_limit_watts=700.0,
    persistence_mode=True,
    compute_mode="exclusive_process",
    ecc_uncorrected_errors=0,
)
NVML_ERRORS = {
    name: pynvml.NVMLError(getattr(pynvml, f"NVML_ERROR_{name}"))
    for name in ("NOT_SUPPORTED", "NO_PERMISSION", "UNKNOWN", "GPU_IS_LOST", "INVALID_ARGUMENT", "FUNCTION_NOT_FOUND")
}
OTHER_ERRORS = {
    "too old for pynvml": pynvml.NVMLLibraryMismatchError("function"),
    "too old a pynvml": AttributeError("function"),
    "not UTF-8": UnicodeDecodeError("utf-8", b"", 0, 1, ""),
}


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return FakeNvml(monkeypatch)


def taken(gpu: nvml.Gpu | None = None) -> GpuSample:
    return replace(gpus.sample(gpu or nvml.Gpu(0), ALONE), at=0.0)


def test_all_values_are_those_of_the_driver_in_watts_joules_and_per_cent(driver: FakeNvml) -> None:
    assert taken() == SAMPLE
    assert gpus.settings(nvml.Gpu(0)) == SETTINGS


@pytest.mark.parametrize("error", [*NVML_ERRORS.values(), *OTHER_ERRORS.values()], ids=[*NVML_ERRORS, *OTHER_ERRORS])
def test_what_the_driver_refuses_costs_no_other_value(driver: FakeNvml, error: Exception) -> None:
    """Each function by itself, with its substitute for older drivers."""
    lost: dict[str, dict[str, Any]] = {
        "TotalEnergyConsumption": {"energy_joules": 5000.0},
        "PowerUsage": {"power_watts": None},
        "ClockInfo": {"sm_clock_mhz": None, "memory_clock_mhz": None},
        "TemperatureV": {"temperature_celsius": 59},
        "CurrentClocksEventReasons": {"clock_event_bits": 5},
        "UtilizationRates": {"utilisation_percent": None, "memory_utilisation_percent": None},
        "FieldValues": {"memory_temperature_celsius": None},
        "ComputeRunningProcesses": {"foreign": None},
        "GraphicsRunningProcesses": {},
        "MPSComputeRunningProcesses": {},
        "MigMode": {},
    }
    for name, missing in lost.items():
        driver.failing = {name: error}
        assert taken() == replace(SAMPLE, **missing), name
    lost_settings: dict[str, dict[str, Any]] = {
        "MaxClockInfo": {"sm_clock_max_mhz": None, "memory_clock_max_mhz": None},
        "EnforcedPowerLimit": {"power_limit_watts": None},
        "PersistenceMode": {"persistence_mode": None},
        "ComputeMode": {"compute_mode": None},
        "TotalEccErrors": {"ecc_uncorrected_errors": None},
    }
    for name, missing in lost_settings.items():
        driver.failing = {name: error}
        assert gpus.settings(nvml.Gpu(0)) == replace(SETTINGS, **missing), name


def test_a_gpu_of_which_nothing_is_known(driver: FakeNvml) -> None:
    driver.answers = {}
    gpu = nvml.Gpu(0)
    assert taken(gpu) == GpuSample(at=0.0)
    assert gpus.settings(gpu) == GpuSettings()


def test_numbers_that_mean_unknown_and_unknown_modes(driver: FakeNvml) -> None:
    driver.answers |= {"PowerUsage": lambda _: 2**32 - 1, "TotalEccErrors": lambda *_: 2**64 - 1}
    driver.answers |= {"ComputeMode": lambda _: 9}
    driver.fields[82] = 2**32 - 1
    assert taken() == replace(SAMPLE, power_watts=None, memory_temperature_celsius=None)
    assert gpus.settings(nvml.Gpu(0)) == replace(SETTINGS, ecc_uncorrected_errors=None, compute_mode=None)


def test_a_question_that_is_refused_for_ever_is_asked_once_another_one_again(driver: FakeNvml) -> None:
    driver.failing = {"PowerUsage": NVML_ERRORS["NOT_SUPPORTED"], "TemperatureV": NVML_ERRORS["UNKNOWN"]}
    gpu = nvml.Gpu(0)
    assert taken(gpu).power_watts is None
    driver.failing = {}
    assert (taken(gpu).power_watts, taken(gpu).temperature_celsius) == (None, 60)
    assert driver.asked.count("PowerUsage") == 1


# which GPU it is


def test_the_gpu_is_found_by_its_uuid_whatever_the_order_of_nvml(driver: FakeNvml) -> None:
    found = nvml.gpu_at(OnGpu("0b-2", "00000000:01:00.0"))
    assert found is not None
    assert (found.own, found.partition) == (1, False)


def test_without_its_uuid_the_gpu_is_found_by_its_address_on_the_bus(driver: FakeNvml) -> None:
    found = nvml.gpu_at(OnGpu("unknown", "00000000:01:00.1"))
    assert found is not None
    assert found.own == 1
    driver.failing = {"HandleByPciBusId": NVML_ERRORS["NOT_SUPPORTED"]}
    assert nvml.gpu_at(OnGpu("unknown", "")) is None


PARTITION = 7


def divided(driver: FakeNvml) -> None:
    """GPU 0 has a partition. What belongs to the whole GPU the driver says of that alone."""

    def uuid_to_handle(uuid: str) -> int:
        handles = {"MIG-0c": PARTITION, "GPU-0a-1": 0}
        return handles[uuid] if uuid in handles else int(driver.refuse(pynvml.NVML_ERROR_NOT_FOUND))

    whole = {name: driver.answers[name] for name in ("PowerUsage", "TemperatureV", "CurrentClocksEventReasons")}
    for name, answer in whole.items():
        driver.answers[name] = lambda handle, *more, answer=answer: (
            driver.refuse() if handle == PARTITION else answer(handle, *more)
        )
    driver.answers |= {
        "HandleByUUID": uuid_to_handle,
        "UtilizationRates": lambda _: driver.refuse(),
        "MigMode": lambda handle: [int(handle == 0), 0],
        "nvmlDeviceIsMigDeviceHandle": lambda handle: int(handle == PARTITION),
        "DeviceHandleFromMigDeviceHandle": lambda _: 0,
    }


def test_a_partition_has_the_clocks_of_the_whole_gpu_and_no_energy_of_its_own(driver: FakeNvml) -> None:
    divided(driver)
    found = nvml.gpu_at(OnGpu("0c", ""))  # CUDA reports no prefix
    assert found is not None
    assert (found.partition, found.own) == (True, PARTITION)
    unknown: dict[str, Any] = dict.fromkeys(("energy_joules", "utilisation_percent", "memory_utilisation_percent"))
    assert taken(found) == replace(SAMPLE, **unknown)


@pytest.mark.parametrize(("visible", "own"), [("MIG-0c,MIG-0d", PARTITION), ("0", None), ("MIG-no", None)])
def test_a_rank_that_reports_the_whole_gpu_is_on_the_partition_that_it_sees(
    driver: FakeNvml, monkeypatch: pytest.MonkeyPatch, visible: str, own: int | None
) -> None:
    """Processes of other partitions are not in its way."""
    divided(driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = nvml.gpu_at(OnGpu("0a-1", ""))
    assert found is not None
    assert (found.partition, found.own) == (True, own)
    assert (taken(found).foreign is None) == (own is None)
    assert taken(found).power_watts == 610.5
