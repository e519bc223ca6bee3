"""A fake NVML: two GPUs whose answers a test sets. The tests' machine may have no GPU and no driver."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

FOREIGN, HOST = 4711, 90001
OURS = 42
NOT_FOUND = pynvml.NVML_ERROR_NOT_FOUND
UUIDS = ("GPU-0a-1", "GPU-0b-2")


class FakeNvml:
    """A handle is the index of a GPU. A function that fails raises the exception of `failing`, an unknown one of NVML.

    Attributes:
        asked: names of the functions that were called, without "nvmlDeviceGet".
        processes, drawing, mps: (process, memory in bytes) on each GPU.
        process_use: (process, per cent).
        failing: name of a function, without "nvmlDeviceGet" -> what it raises.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.processes: Sequence[tuple[int, int | None]] = [(OURS, 10**9)]
        self.drawing: Sequence[tuple[int, int | None]] = []
        self.mps: Sequence[tuple[int, int | None]] = []
        self.process_use: Sequence[tuple[int, int]] = []
        self.fields = {82: 71, 83: 5_000_000}
        self.failing: dict[str, Exception] = {}
        self.answers: dict[str, Any] = {
            "Count": lambda: 2,
            "HandleByIndex": lambda index: index,
            "HandleByUUID": lambda uuid: (
                UUIDS.index(uuid) if uuid in UUIDS else self.refuse(pynvml.NVML_ERROR_NOT_FOUND)
            ),
            "HandleByPciBusId": lambda address: int(address[-1]),
            "UUID": lambda handle: UUIDS[handle],
            "MigMode": lambda _: [0, 0],
            "ClockInfo": lambda _, kind: 2600 if kind == pynvml.NVML_CLOCK_MEM else 1700,
            "MaxClockInfo": lambda _, kind: 2619 if kind == pynvml.NVML_CLOCK_MEM else 1980,
            "PowerUsage": lambda _: 610_500,
            "EnforcedPowerLimit": lambda _: 700_000,
            "TotalEnergyConsumption": lambda _: 4_000_000,
            "TemperatureV": lambda *_: 60,
            "Temperature": lambda *_: 59,
            "CurrentClocksEventReasons": lambda _: 4,
            "CurrentClocksThrottleReasons": lambda _: 5,
            "UtilizationRates": lambda _: SimpleNamespace(gpu=104, memory=50),
            "FieldValues": lambda _, ids: [self._field(each) for each in ids],
            "PersistenceMode": lambda _: 1,
            "ComputeMode": lambda _: 3,
            "TotalEccErrors": lambda *_: 0,
            "ComputeRunningProcesses": lambda _: self._listed(self.processes),
            "GraphicsRunningProcesses": lambda _: self._listed(self.drawing),
            "MPSComputeRunningProcesses": lambda _: self._listed(self.mps),
            "ProcessUtilization": lambda *_: self._use(),
        }
        names = [name for name in dir(pynvml) if name.startswith("nvmlDevice")]
        for name in names:
            monkeypatch.setattr(pynvml, name, self._function(name.removeprefix("nvmlDeviceGet")))
        monkeypatch.setattr(pynvml, "nvmlInit", self._function("nvmlInit"))
        monkeypatch.setattr(pynvml, "nvmlSystemGetProcessName", self._function("ProcessName"))
        self.answers |= {"nvmlInit": lambda: None, "ProcessName": lambda pid: f"/usr/bin/program{pid}"}

    def refuse(self, error: int = pynvml.NVML_ERROR_NOT_SUPPORTED) -> Any:
        raise pynvml.NVMLError(error)

    def _function(self, name: str) -> Any:
        def called(*arguments: Any) -> Any:
            self.asked.append(name)
            if name in self.failing:
                raise self.failing[name]
            return self.answers[name](*arguments) if name in self.answers else self.refuse()

        return called

    @staticmethod
    def _listed(processes: Sequence[tuple[int, int | None]]) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=memory) for pid, memory in processes]

    def _field(self, number: int) -> Any:
        known = number in self.fields
        value = self.fields.get(number, 0)
        return SimpleNamespace(
            nvmlReturn=0 if known else pynvml.NVML_ERROR_NOT_SUPPORTED,
            valueType=pynvml.NVML_VALUE_TYPE_UNSIGNED_INT,
            value=SimpleNamespace(uiVal=value, ullVal=value),
        )

    def _use(self) -> Any:
        return [SimpleNamespace(pid=pid, smUtil=use) for pid, use in self.process_use]
