"""The report of the measured window, from samples of the whole case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.harness.controller.machine.procfs import CpuTimes
from benchmarks.harness.controller.machine.sampler import Sample
from benchmarks.harness.controller.machine.window import machine_report
from benchmarks.harness.protocol.control_groups import Throttling
from benchmarks.harness.protocol.machine_report import MachineReport, Pressures
from machine_samples import CORES, sample, samples, window

STEPS = window(1.0, 1.0, 1.0, 1.0)  # from 10 to 14


def report(*taken: Sample) -> MachineReport:
    found = machine_report(taken, [STEPS], CORES)
    assert found is not None
    return found


def test_the_samples_around_the_window_count_and_no_others() -> None:
    found = report(*samples(0.0, 5.0, 9.0, 9.8, 11.0, 12.5, 14.1, 15.0, 30.0))
    assert found.observed_seconds == pytest.approx(14.1 - 9.8)
    assert found.samples == 4


@pytest.mark.parametrize("times", [(), (12.0,), (10.5, 11.0, 20.0), (0.0, 9.0, 13.9), (0.0, 9.0), (14.0, 15.0)])
def test_a_window_that_was_not_sampled_has_no_report(times: tuple[float, ...]) -> None:
    assert machine_report(samples(*times), [STEPS], CORES) is None


def test_the_window_is_that_of_all_ranks() -> None:
    early, late = window(1.0, 1.0, begin=10.0), window(1.0, 1.0, begin=13.0, rank=1)
    found = machine_report(samples(*range(20)), [early, late], CORES)
    assert found is not None
    assert found.observed_seconds == 5.0


def test_a_quiet_machine() -> None:
    found = report(*samples(9.0, 11.0, 13.0, 15.0))
    assert found.case_cpu_seconds == pytest.approx(9.0)
    assert found.case_cpu_fraction == pytest.approx(0.75)
    assert found.foreign_cores == pytest.approx(0.0, abs=1e-9)
    assert found.idle_cores == pytest.approx(0.4)
    assert found.pytest_cores == pytest.approx(0.1)
    assert (found.quota_cores, found.available_cores, found.throttled_periods) == (None, 2, None)
    assert (found.freeze, found.stopped_fraction, found.gpus) == (None, 0.0, [])
    assert found.pressure.scope == "system"
    assert found.pressure.cpu == found.pressure.io == found.pressure.memory
    assert found.pressure.cpu is not None
    assert found.pressure.cpu.some == pytest.approx(0.1)
    assert found.pressure.cpu.full == 0.0


def test_other_programs_are_what_the_cores_did_beyond_the_case_and_pytest() -> None:
    after = CpuTimes(busy=1.6 * 9 + 2 * 6 - 0.5, idle=0.4 * 9, iowait=0.0, steal=0.5)
    found = report(sample(9.0), sample(15.0, cpu=after))
    assert found.foreign_cores == pytest.approx((2 * 6 - 0.5 - 1.6 * 6) / 6)
    assert found.steal_fraction == pytest.approx(0.5 / 12)
    assert found.idle_cores == pytest.approx(0.0)


def test_a_quota_limits_the_available_cores_and_its_throttling_is_counted() -> None:
    before = sample(9.0, quota_cores=0.5, throttling=Throttling(100, 10, 1.0))
    found = report(before, sample(15.0, quota_cores=0.5, throttling=Throttling(160, 40, 4.0)))
    assert (found.quota_cores, found.available_cores) == (0.5, 0.5)
    assert (found.throttled_periods, found.throttled_period_fraction, found.throttled_seconds) == (30, 0.5, 3.0)
    assert found.case_cpu_fraction == pytest.approx(9.0 / (6.0 * 0.5))


def test_a_quota_that_is_set_during_the_window_is_recorded() -> None:
    before = sample(9.0, throttling=Throttling(0, 0, 0.0))
    found = report(before, sample(15.0, quota_cores=0.5, throttling=Throttling(60, 40, 4.0)))
    assert (found.quota_cores, found.throttled_seconds) == (0.5, 4.0)


def test_a_case_that_is_moved_into_a_group_with_a_quota_and_out_again_was_throttled() -> None:
    """As a test of the machine does it, or a scheduler: the first and the last sample know nothing of the quota."""
    inside = [
        sample(at, quota_cores=0.5, throttling=Throttling(periods, periods // 2, periods / 20))
        for at, periods in ((10.5, 0), (13.0, 25), (14.5, 40))
    ]
    found = report(sample(9.0), *inside, sample(15.0))
    assert (found.quota_cores, found.throttled_periods, found.throttled_seconds) == (0.5, 20, 2.0)
    assert found.throttled_period_fraction == 0.5


def test_counters_of_processes_that_ended_never_become_negative() -> None:
    found = report(sample(9.0, major_faults=50), sample(15.0, case_cpu_seconds=0.0, major_faults=0))
    assert (found.case_cpu_seconds, found.major_faults) == (0.0, 0)


def test_involuntary_switches_are_counted_where_phases_begin() -> None:
    counts = (None, 7, None, 30, None)
    taken = [sample(at, involuntary_switches=count) for at, count in zip((9, 10.2, 12, 14.1, 15), counts, strict=True)]
    assert report(*taken).involuntary_switches == 23
    assert report(*samples(9, 15)).involuntary_switches == 0


def test_what_the_system_does_not_report_is_null() -> None:
    bare: dict[str, Any] = {"cpu": None, "load_average": None, "swapped_in_bytes": None, "pressure": {}}
    found = report(sample(9.0, **bare), sample(15.0, **bare))
    assert (found.foreign_cores, found.idle_cores, found.steal_fraction, found.iowait_fraction) == (None,) * 4
    assert (found.load_average, found.swapped_in_bytes) == (None, None)
    assert found.pressure == Pressures(scope="system", cpu=None, io=None, memory=None)


def test_the_longest_gap_of_the_watcher_is_recorded_even_if_the_steps_went_on() -> None:
    found = report(sample(9.0), replace(sample(12.9), gap_seconds=2.5), sample(15.0))
    assert found.longest_watch_gap_seconds == 2.5
    assert found.freeze is None
