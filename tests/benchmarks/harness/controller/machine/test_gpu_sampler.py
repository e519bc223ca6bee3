"""The thread that samples GPUs. NVML is a fake."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from benchmarks.harness.controller.machine import gpu_sampler
from benchmarks.harness.controller.machine.gpu_sampler import GpuSampler, pause_seconds
from benchmarks.harness.protocol.events import OnGpu, RankEvents
from benchmarks.harness.protocol.gpu_report import await_gpu_report
from benchmarks.harness.protocol.stages import PROBES, WINDOW
from fake_nvml import OURS, FakeNvml
from waiting import until


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    monkeypatch.setattr(gpu_sampler, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(gpu_sampler, "pause_seconds", lambda *_: 0.01)
    return FakeNvml(monkeypatch)


def rank_on(rank: int, uuid: str) -> RankEvents:
    return RankEvents(rank, pid=OURS, gpu=OnGpu(uuid, ""))


def end_window(events: RankEvents) -> None:
    now = time.monotonic()
    events.phase_times |= {WINDOW: now - 0.05, PROBES: now}
    events.phase = PROBES


def sampling(folder: Path, *ranks: RankEvents) -> GpuSampler:
    return GpuSampler(OURS, ranks, folder, on_gpus=True)


def test_each_rank_gets_the_report_of_its_own_gpu_after_its_window(driver: FakeNvml, tmp_path: Path) -> None:
    driver.answers["PowerUsage"] = lambda handle: 100_000 * (handle + 1)
    ranks = [rank_on(4, "0b-2"), rank_on(5, "0a-1")]  # CUDA's order is not that of NVML
    with sampling(tmp_path, *ranks) as watching:
        until(lambda: len(watching._watched) == 2 and len(watching._watched[5].samples) > 1)
        assert list(tmp_path.iterdir()) == []
        for events in ranks:
            end_window(events)
        found = [await_gpu_report(tmp_path, rank, 60.0) for rank in (4, 5)]
    assert [each and each.rank for each in found] == [4, 5]
    assert [each and each.power_watts and each.power_watts.mean for each in found] == [200.0, 100.0]
    assert watching.busy(0.0, time.monotonic())


def test_a_gpu_that_fails_costs_no_other_one(driver: FakeNvml, tmp_path: Path) -> None:
    """Another exception than NVML's: a defect of a library, a disk that is full."""
    ranks = [rank_on(0, "0a-1"), rank_on(1, "0b-2"), rank_on(2, "unknown")]
    power = driver.answers["UtilizationRates"]
    driver.answers["UtilizationRates"] = lambda handle: power(handle) if handle else "no structure"
    driver.failing = {"HandleByPciBusId": pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)}
    with sampling(tmp_path, *ranks) as watching:
        until(lambda: 1 in watching._watched and len(watching._watched[1].samples) > 1)
        for events in ranks:
            end_window(events)
        found = await_gpu_report(tmp_path, 1, 60.0)
        assert found is not None
        assert await_gpu_report(tmp_path, 0, 0.0) is None
    assert (tmp_path / "gpu2.json").read_text() == "null"  # the rank need not wait


@pytest.fixture
def hanging(driver: FakeNvml) -> Iterator[None]:
    """A driver that does not answer until the test has ended."""
    end = threading.Event()
    driver.answers["UtilizationRates"] = lambda _: end.wait(30)
    yield
    end.set()


def test_a_driver_that_hangs_does_not_hold_up_the_case(hanging: None, driver: FakeNvml, tmp_path: Path) -> None:
    with sampling(tmp_path, rank_on(0, "0a-1")):
        until(lambda: "UtilizationRates" in driver.asked)
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 20.0


@pytest.mark.parametrize("reason", ["no driver", "the CPU"])
def test_without_gpus_nothing_is_sampled(driver: FakeNvml, tmp_path: Path, reason: str) -> None:
    driver.failing = {"nvmlInit": pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)}
    with GpuSampler(OURS, [RankEvents(0)], tmp_path, on_gpus=reason == "no driver") as watching:
        until(lambda: not watching._thread.is_alive())
    assert [each.read_text() for each in tmp_path.iterdir()] == (["null"] if reason == "no driver" else [])
    assert watching.busy(0.0, 1e9) is (None if reason == "no driver" else False)
    assert ("nvmlInit" in driver.asked) == (reason == "no driver")


def test_whether_a_gpu_worked_is_unknown_without_a_sample(driver: FakeNvml, tmp_path: Path) -> None:
    with sampling(tmp_path, rank_on(0, "0a-1")) as watching:
        until(lambda: 0 in watching._watched and len(watching._watched[0].samples) > 1)
    assert watching.busy(0.0, 1.0) is None


def test_sampling_takes_a_five_hundredth_of_a_core_and_a_twentieth_of_the_drivers_time() -> None:
    assert pause_seconds(0.0, 0.0, 0.0) == 0.5
    assert pause_seconds(0.002, 0.0, 0.0) == 1.0
    assert pause_seconds(0.0, 0.1, 0.0) == 2.0
    assert pause_seconds(1.0, 9.0, 0.0) == 10.0
    assert pause_seconds(0.0, 0.0, 3600.0) == 1.8
