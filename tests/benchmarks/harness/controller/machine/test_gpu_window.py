"""The report of a GPU over the measured window, from samples of the whole case."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.harness.controller.machine.gpu_processes import ForeignUse
from benchmarks.harness.controller.machine.gpu_window import GpuWindow, gpu_report
from benchmarks.harness.controller.machine.gpus import GpuSample, GpuSettings
from benchmarks.harness.protocol.gpu_report import GpuReport, Spread

WINDOW = GpuWindow(rank=3, begin=10.0, end=14.0)
UNKNOWN = GpuSettings()


def report(samples: list[GpuSample], **more: Any) -> GpuReport:
    found = gpu_report(WINDOW, samples, UNKNOWN, **more)
    assert found is not None
    return found


def powers(*points: tuple[float, float], **more: Any) -> list[GpuSample]:
    return [GpuSample(at=at, power_watts=watts, **more) for at, watts in points]


def counted(*points: tuple[float, float | None], watts: float | None = None) -> list[GpuSample]:
    return [GpuSample(at=at, energy_joules=joules, power_watts=watts) for at, joules in points]


def test_the_samples_in_the_window_count_and_no_others() -> None:
    values = ((9.9, 300, 4), (10.2, 1700, 4), (11.0, 1200, 0x44), (12.0, 1600, 0), (13.9, 1650, 4), (14.1, 210, 1))
    found = report([GpuSample(at=at, sm_clock_mhz=clock, clock_event_bits=bits) for at, clock, bits in values])
    assert (found.rank, found.seconds, found.samples) == (3, 4.0, 4)
    assert found.sm_clock_mhz == Spread(1200.0, 1537.5, 1700.0)
    assert (found.clock_event_bits, found.slowdown_fraction) == (0x44, 0.25)
    assert found.clock_event_reasons == {"sw_power_cap": 0.75, "hw_thermal_slowdown": 0.25}


def test_a_reason_of_a_later_driver_is_not_lost() -> None:
    found = report([GpuSample(at=11.0, clock_event_bits=0x8000)])
    assert (found.clock_event_reasons, found.slowdown_fraction) == ({"unknown_0x8000": 1.0}, 0.0)


def test_a_window_between_two_samples_has_those() -> None:
    assert report(powers((9.0, 100.0), (15.0, 300.0))).power_watts == Spread(100.0, 200.0, 300.0)


@pytest.mark.parametrize("times", [(), (9.0,), (15.0, 16.0)])
def test_a_window_that_was_not_sampled_has_no_report(times: tuple[float, ...]) -> None:
    assert gpu_report(WINDOW, [GpuSample(at=at) for at in times], UNKNOWN) is None


def test_each_value_has_the_samples_that_know_it() -> None:
    found = report([GpuSample(at=11.0, power_watts=100.0), GpuSample(at=12.0, temperature_celsius=50)])
    assert (found.power_watts, found.temperature_celsius) == (Spread(100.0, 100.0, 100.0), Spread(50.0, 50.0, 50.0))
    assert (found.sm_clock_mhz, found.clock_event_bits, found.slowdown_fraction) == (None, None, None)
    assert (found.clock_event_reasons, found.foreign_processes) == ({}, None)


def test_foreign_processes() -> None:
    foreign = (ForeignUse(0, 0, 0.0), ForeignUse(1, 10**9, 30.0), ForeignUse(2, 10**8, None), None)
    found = report([GpuSample(at=10.0 + index, foreign=each) for index, each in enumerate(foreign)])
    assert (found.foreign_processes, found.foreign_memory_bytes, found.foreign_utilisation_percent) == (2, 10**9, 15.0)
    found = report([GpuSample(at=11.0, foreign=ForeignUse(1, None, None))])
    assert (found.foreign_processes, found.foreign_memory_bytes, found.foreign_utilisation_percent) == (1, None, None)


# energy


def test_the_counter_is_interpolated_at_both_ends_of_the_window() -> None:
    """100 W before the window, 600 W in it, 50 W after it."""
    found = report(counted((9.0, 900.0), (10.0, 1000.0), (12.0, 2200.0), (13.0, 2800.0), (15.0, 4000.0)))
    assert found.energy_joules == pytest.approx(2400.0)
    assert found.energy_source == "counter"


@pytest.mark.parametrize(
    "samples",
    [
        counted((9.0, 50.0), (11.0, 50.0), (15.0, 50.0), watts=600.0),  # it stands still
        counted((9.0, 5000.0), (11.0, 100.0), (15.0, 3000.0), watts=600.0),  # it starts again
        counted((9.0, 0.0), (11.0, 9e6), (15.0, 9e9), watts=600.0),  # another unit
        counted((11.0, 600.0), (15.0, 3000.0), watts=600.0),  # not known at the begin
        counted((9.0, 600.0), (11.0, 3000.0), watts=600.0),  # not known at the end
        counted((9.0, None), (11.0, None), (15.0, None), watts=600.0),
    ],
)
def test_a_counter_that_cannot_be_believed_is_replaced_by_the_power(samples: list[GpuSample]) -> None:
    found = report(samples)
    assert found.energy_joules == pytest.approx(2400.0)
    assert found.energy_source == "power"


def test_the_power_is_integrated_over_the_window_alone() -> None:
    found = report(powers((9.0, 50.0), (11.0, 400.0), (13.0, 600.0), (15.0, 50.0)))
    assert found.energy_joules == pytest.approx(400.0 + 1000.0 + 600.0)


def test_without_power_and_counter_the_energy_is_unknown() -> None:
    found = report(counted((9.0, 50.0), (11.0, 50.0), (15.0, 50.0)))
    assert (found.energy_joules, found.energy_source) == (None, None)


def test_a_partition_has_no_energy_of_its_own() -> None:
    found = report(powers((11.0, 600.0)), partition=True)
    assert (found.partition, found.energy_joules, found.energy_source) == (True, None, None)
    assert found.power_watts == Spread(600.0, 600.0, 600.0)
