"""What NVML reports of the GPUs of a case. NVML is a fake: the tests' machine may have no GPU."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from benchmarks.harness.controller.machine.gpu_window import gpu_reports
from benchmarks.harness.controller.machine.gpus import ForeignUse, GpuSample, GpuWatch

OURS, FOREIGN = 42, 4711


class FakeNvml:
    """Two GPUs. A question without an answer raises, as NVML does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.processes: Sequence[tuple[int, int]] = [(OURS, 10**9)]
        self.process_use: Sequence[tuple[int, int]] | None = []
        self.unknown: set[str] = set()
        answers = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetHandleByIndex": lambda index: index if index < 2 else self._refuse(),
            "nvmlDeviceGetHandleByUUID": lambda uuid: uuid,
            "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=90),
            "nvmlDeviceGetClockInfo": lambda *_: 1700,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _: 4,
            "nvmlDeviceGetTemperature": lambda *_: 60,
            "nvmlDeviceGetComputeRunningProcesses": lambda _: [
                SimpleNamespace(pid=pid, usedGpuMemory=memory) for pid, memory in self.processes
            ],
            "nvmlDeviceGetProcessUtilization": lambda *_: self._use(),
        }
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, name, self._asked(name, answer))

    def _asked(self, name: str, answer: Any) -> Any:
        return lambda *given: self._refuse() if name in self.unknown else answer(*given)

    def _refuse(self) -> Any:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def _use(self) -> Any:
        if self.process_use is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return [SimpleNamespace(pid=pid, smUtil=use) for pid, use in self.process_use]


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return FakeNvml(monkeypatch)


def taken(count: int = 1) -> tuple[GpuSample, ...]:
    return GpuWatch(count).sample({OURS: None})


def test_a_gpu_that_the_case_has_alone(nvml: FakeNvml) -> None:
    expected = GpuSample(1700, 4, 90, 60, ForeignUse(0, 0, 0.0))
    assert taken(2) == (expected, expected)
    assert taken(0) == ()


def test_other_processes_on_the_gpu(nvml: FakeNvml) -> None:
    nvml.processes = [(OURS, 10**9), (FOREIGN, 3 * 10**9), (FOREIGN + 1, 10**8)]
    nvml.process_use = [(OURS, 50), (FOREIGN, 20), (FOREIGN, 40), (FOREIGN + 1, 5)]
    assert taken()[0].foreign == ForeignUse(2, 31 * 10**8, 35.0)


def test_other_processes_that_have_not_worked(nvml: FakeNvml) -> None:
    nvml.processes, nvml.process_use = [(OURS, 10**9), (FOREIGN, 10**8)], None
    assert taken()[0].foreign == ForeignUse(1, 10**8, 0.0)


def test_in_a_container_the_process_numbers_are_those_of_the_host(nvml: FakeNvml) -> None:
    nvml.processes = [(90001, 10**8), (90002, 10**9)]
    assert taken()[0].foreign == ForeignUse(1, 10**8, 0.0)


@pytest.mark.parametrize(
    "name", ["UtilizationRates", "ClockInfo", "CurrentClocksThrottleReasons", "Temperature", "ComputeRunningProcesses"]
)
def test_what_the_driver_does_not_report_is_none(nvml: FakeNvml, name: str) -> None:
    nvml.unknown = {f"nvmlDeviceGet{name}"}
    (found,) = taken()
    values = (
        found.utilisation_percent,
        found.sm_clock_mhz,
        found.throttle_reasons,
        found.temperature_celsius,
        found.foreign,
    )
    assert values.count(None) == 1


def test_use_per_process_may_be_unknown(nvml: FakeNvml) -> None:
    nvml.processes, nvml.unknown = [(OURS, 10**9), (FOREIGN, 10**8)], {"nvmlDeviceGetProcessUtilization"}
    assert taken()[0].foreign == ForeignUse(1, 10**8, None)


@pytest.mark.parametrize(
    ("visible", "count"), [("1,0", 2), ("GPU-0a", 1), ("7", 0), ("", 0), (" 1 , 0 ", 2), ("0,-1", 0)]
)
def test_the_gpus_are_those_that_the_ranks_see(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch, visible: str, count: int
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if visible in ("", "0,-1"):
        nvml.unknown = {"nvmlDeviceGetHandleByUUID"}
    assert len(taken(2)) == count


def test_without_a_driver_there_is_nothing_to_report(nvml: FakeNvml) -> None:
    nvml.unknown = {"nvmlInit"}
    assert taken(2) == ()


# over the window


def test_the_window_of_a_gpu() -> None:
    foreign = (ForeignUse(0, 0, 0.0), ForeignUse(1, 10**9, 30.0), ForeignUse(2, 10**8, None), None)
    values = ((1700, 4, 90, 60), (1200, 0x40, 100, 85), (1600, 0, 80, 70), (1650, 4, 90, 71))
    (found,) = gpu_reports([(GpuSample(*each, other),) for each, other in zip(values, foreign, strict=True)])
    assert (found.sm_clock_min_mhz, found.sm_clock_median_mhz) == (1200, 1625)
    assert (found.throttle_reasons, found.slowdown_fraction) == (0x44, 0.25)
    assert found.throttle_reason_names == ["sw_power_cap", "hw_thermal_slowdown"]
    assert (found.utilisation_percent, found.temperature_max_celsius) == (90, 85)
    assert (found.foreign_processes, found.foreign_memory_bytes, found.foreign_utilisation_percent) == (2, 10**9, 15.0)


def test_a_gpu_of_which_nothing_is_known() -> None:
    unknown = GpuSample(None, None, None, None, None)
    (found,) = gpu_reports([(unknown,), (unknown,)])
    assert (found.throttle_reasons, found.slowdown_fraction, found.throttle_reason_names) == (None, None, [])
    assert gpu_reports([(), ()]) == []
