"""What is said of a GPU while it works. NVML is a fake."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pynvml
import pytest
import torch

from benchmarks.first_look import ceilings
from benchmarks.first_look.ceilings import NOT_OBSERVED, described, watched
from benchmarks.harness.controller.machine import gpus
from benchmarks.harness.protocol.events import OnGpu
from fake_nvml import UUIDS, FakeNvml

GPU = torch.device("cuda", 0)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    monkeypatch.setattr(ceilings, "gpu_address", lambda _: OnGpu(UUIDS[1].removeprefix("GPU-"), ""))
    monkeypatch.setattr(ceilings, "SAMPLE_SECONDS", 0.01)
    return FakeNvml(monkeypatch)


@pytest.fixture
def two_samples(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Work that ends once the GPU was sampled twice."""
    taken = threading.Semaphore(0)
    sample = gpus.sample

    def noted(*arguments: object) -> gpus.GpuSample:
        found = sample(*arguments)  # type: ignore[arg-type]
        taken.release()
        return found

    def work() -> str:
        assert all(taken.acquire(timeout=60) for _ in range(2))
        return "done"

    monkeypatch.setattr(gpus, "sample", noted)
    return work


def figures(work: Callable[[], str]) -> dict[str, str]:
    done, report = watched(GPU, work)
    assert done == "done"
    return {name: f"{value} {unit}".rstrip() for name, value, unit in described(report)}


def test_clock_power_and_what_reduces_the_clock_are_said(nvml: FakeNvml, two_samples: Callable[[], str]) -> None:
    clocks = iter([1980, 1410])
    nvml.answers["ClockInfo"] = lambda handle, kind: next(clocks, 1410) if kind == pynvml.NVML_CLOCK_SM else 2600
    found = figures(two_samples)
    assert found.pop("clock").endswith(" (1410 to 1980) MHz")
    assert found == {
        "power": "610 (610 to 610) W",
        "power limit": "700.0 W",
        "temperature": "60 (60 to 60) C",
        "clock event reasons": "sw_power_cap 100 %",
    }


def test_a_driver_that_does_not_answer_is_no_observation(nvml: FakeNvml, two_samples: Callable[[], str]) -> None:
    nvml.fields = {}
    for name in ("ClockInfo", "PowerUsage", "EnforcedPowerLimit", "TemperatureV", "Temperature"):
        del nvml.answers[name]
    nvml.answers["CurrentClocksEventReasons"] = lambda _: 0
    assert figures(two_samples) == {
        **dict.fromkeys(("clock", "power", "power limit", "temperature"), NOT_OBSERVED),
        "clock event reasons": "none",
    }


@pytest.mark.parametrize("missing", ["nvmlInit", "HandleByUUID", "time"])
def test_without_samples_nothing_is_observed(nvml: FakeNvml, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver; a GPU that NVML does not know; work that ends before the first sample."""
    nvml.answers["HandleByPciBusId"] = lambda _: nvml.refuse()
    nvml.answers.pop(missing, None)
    if missing == "time":
        monkeypatch.setattr(ceilings, "SAMPLE_SECONDS", 60.0)
    names = ("clock", "power", "power limit", "temperature", "clock event reasons")
    assert figures(lambda: "done") == dict.fromkeys(names, NOT_OBSERVED)
