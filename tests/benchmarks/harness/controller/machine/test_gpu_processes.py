"""Who else uses a GPU. NVML is a fake."""

from __future__ import annotations

import pynvml
import pytest

from benchmarks.harness.controller.machine import gpu_processes
from benchmarks.harness.controller.machine.gpu_processes import ForeignUse, Ours, foreign_use, pids_on
from benchmarks.harness.controller.machine.nvml import Gpu
from fake_nvml import FOREIGN, HOST, OURS, FakeNvml

GB = 10**9
LOADER = 43


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    monkeypatch.setattr(gpu_processes, "_in_first_namespace", lambda: True)
    return FakeNvml(monkeypatch)


@pytest.fixture
def container(driver: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """The driver lists numbers of the host."""
    monkeypatch.setattr(gpu_processes, "_in_first_namespace", lambda: False)
    return driver


def found(before: set[int] | None = None) -> ForeignUse | None:
    return foreign_use(Gpu(0), Ours(OURS, lambda: {OURS, LOADER}, before or set()))


def test_processes_of_the_case_are_not_foreign(driver: FakeNvml) -> None:
    driver.processes = [(OURS, GB), (LOADER, GB)]
    assert found() == ForeignUse(0, 0, 0.0)


def test_other_processes_on_the_gpu(driver: FakeNvml) -> None:
    driver.processes = [(OURS, GB), (FOREIGN, 3 * GB), (FOREIGN + 1, 10**8)]
    driver.process_use = [(OURS, 50), (FOREIGN, 20), (FOREIGN, 40), (FOREIGN + 1, 5)]
    assert found() == ForeignUse(2, 31 * 10**8, 35.0)


def test_programs_that_draw_and_clients_of_mps_count_once(driver: FakeNvml) -> None:
    driver.processes = [(OURS, GB), (FOREIGN, 3 * GB)]
    driver.drawing = [(FOREIGN, 3 * GB), (FOREIGN + 1, 10**8)]
    driver.mps = [(FOREIGN + 2, 10**8), (OURS, GB)]
    assert found() == ForeignUse(3, 32 * 10**8, 0.0)


def test_the_server_of_mps_computes_for_its_clients(driver: FakeNvml) -> None:
    driver.processes, driver.mps = [(FOREIGN, 10**7)], [(OURS, GB)]
    assert found() == ForeignUse(1, 10**7, 0.0)
    driver.answers["ProcessName"] = lambda _: "/usr/bin/nvidia-cuda-mps-server"
    assert found() == ForeignUse(0, 0, 0.0)


@pytest.mark.parametrize("memory", [None, 2**64 - 1])
def test_memory_that_the_driver_does_not_know(driver: FakeNvml, memory: int | None) -> None:
    driver.processes = [(OURS, GB), (FOREIGN, memory), (FOREIGN + 1, GB)]
    assert found() == ForeignUse(2, None, 0.0)


@pytest.mark.parametrize(
    ("error", "use"),
    [(pynvml.NVML_ERROR_NOT_FOUND, 0.0), (pynvml.NVML_SUCCESS, 0.0), (pynvml.NVML_ERROR_NOT_SUPPORTED, None)],
)
def test_use_per_process_may_be_none_or_unknown(driver: FakeNvml, error: int, use: float | None) -> None:
    driver.processes = [(OURS, GB), (FOREIGN, GB)]
    driver.failing = {"ProcessUtilization": pynvml.NVMLError(error)}
    assert found() == ForeignUse(1, GB, use)


def test_an_old_driver_has_only_the_second_version_of_the_lists(driver: FakeNvml) -> None:
    driver.processes = [(OURS, GB), (FOREIGN, GB)]
    driver.answers["ComputeRunningProcesses_v2"] = driver.answers.pop("ComputeRunningProcesses")
    driver.failing = {"ComputeRunningProcesses": pynvml.NVMLLibraryMismatchError("old")}
    assert found() == ForeignUse(1, GB, 0.0)


def test_before_the_rank_has_opened_the_gpu_every_process_is_foreign(driver: FakeNvml) -> None:
    driver.processes = [(FOREIGN, GB)]
    assert found() == ForeignUse(1, GB, 0.0)


# in a container


def test_one_process_of_the_host_is_the_rank(container: FakeNvml) -> None:
    container.processes = [(HOST, GB)]
    assert found() == ForeignUse(0, 0, 0.0)


def test_what_was_there_before_the_launch_is_not_the_rank_however_large_it_is(container: FakeNvml) -> None:
    container.processes = [(FOREIGN, 30 * GB)]
    before = pids_on([Gpu(0)])
    container.processes = [(FOREIGN, 30 * GB), (HOST, 2 * GB), (HOST + 1, GB)]
    assert found(before) == ForeignUse(2, 31 * GB, 0.0)


def test_a_container_that_hides_all_numbers(container: FakeNvml) -> None:
    container.processes = [(0, GB), (0, 2 * GB)]
    assert found() == ForeignUse(1, GB, 0.0)
    container.processes = []
    assert found() == ForeignUse(0, 0, 0.0)


def test_a_container_that_shows_its_own_numbers(container: FakeNvml) -> None:
    container.processes = [(OURS, GB), (FOREIGN, 3 * GB)]
    assert found() == ForeignUse(1, 3 * GB, 0.0)
