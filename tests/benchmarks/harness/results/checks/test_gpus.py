"""What the GPUs used, and figures of GPUs that contradict each other or their case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks.harness.results import speed, speed_table, store
from benchmarks.harness.results.checks.gpus import power_and_energy
from benchmarks.harness.results.checks.speed import speed_contradictions
from benchmarks.harness.results.common import failure_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.speed_artifact import SpeedDetails
from benchmarks.harness.results.validation import problems
from samples import changed, document, finished_run, gpu_report, sampled_gpus, speed_artifact

GPU = "psenet_mp_bs16_bf16_2"


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return document(speed_artifact(GPU))


def test_watts_of_all_gpus_and_joules_per_sample() -> None:
    run = sampled_gpus(finished_run(GPU, seconds=[50.0, 40.0]))
    artifact = speed.build(run, Path("x"), Path("index"))
    assert failure_of(artifact) is None
    details = artifact.details
    assert isinstance(details, SpeedDetails)
    assert details.power_watts is not None
    joules = 600 * 50.0 + 600 * 40.0
    assert details.power_watts == pytest.approx(1200.0)
    assert details.joules_per_sample == pytest.approx(joules / 1600)
    assert ", 1200 W, 33.8 J/sample" in speed_table.line(artifact)


def test_without_the_energy_of_every_rank_there_is_no_sum() -> None:
    results = finished_run(GPU).results
    assert power_and_energy([gpu_report(0)], results) == (None, None)
    assert power_and_energy([gpu_report(0), gpu_report(1, energy_joules=None)], results) == (None, None)
    assert power_and_energy([], []) == (None, None)
    artifact = speed.build(finished_run(GPU), Path("x"), Path("index"))
    assert failure_of(artifact) is None
    assert " W" not in speed_table.line(artifact)


GPUS = "details.machine.gpus"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({f"{GPUS}.0.sm_clock_mhz.mean": 1500.0}, "gpus.0.sm_clock_mhz: min, mean and max do not rise"),
    ({f"{GPUS}.1.power_watts.max": 10.0}, "gpus.1.power_watts: min, mean and max do not rise"),
    ({f"{GPUS}.0.temperature_celsius.min": 62.0}, "gpus.0.temperature_celsius: min, mean and max do not rise"),
    ({f"{GPUS}.0.clock_event_reasons": {}}, "clock_event_reasons: not those of clock_event_bits (sw_power_cap)"),
    ({f"{GPUS}.0.clock_event_bits": 0}, "clock_event_reasons: not those of clock_event_bits (none)"),
    ({f"{GPUS}.0.clock_event_bits": None}, "clock_event_reasons: not those of clock_event_bits (none)"),
    ({f"{GPUS}.0.slowdown_fraction": 0.5}, "slowdown_fraction: 0.5, but the reasons yield 0 to 0"),
    ({f"{GPUS}.0.slowdown_fraction": None}, "slowdown_fraction: null if and only if clock_event_bits is"),
    (
        {
            f"{GPUS}.0.clock_event_bits": 0x60,
            f"{GPUS}.0.clock_event_reasons": {"sw_thermal_slowdown": 0.5, "hw_thermal_slowdown": 0.25},
            f"{GPUS}.0.slowdown_fraction": 0.4,
        },
        "slowdown_fraction: 0.4, but the reasons yield 0.5 to 0.75",
    ),
    ({f"{GPUS}.0.energy_joules": 1e6}, "energy_joules: 19996 W on average, which does not fit power_watts"),
    ({f"{GPUS}.0.energy_joules": None}, "energy_source: null if and only if energy_joules is"),
    ({f"{GPUS}.0.energy_source": None}, "energy_source: null if and only if energy_joules is"),
    ({f"{GPUS}.0.energy_source": "power", f"{GPUS}.0.power_watts": None}, "energy_source: the power is not known"),
    ({f"{GPUS}.0.partition": True}, "energy_joules: a partition has no energy counter of its own"),
    ({f"{GPUS}.0.seconds": 10.0}, "seconds: 10.000, but rank 0 measured for 50.000 s"),
    ({f"{GPUS}.0.seconds": 70.0}, "seconds: 70.000, but rank 0 measured for 50.000 s"),
    ({f"{GPUS}.0.rank": 1}, "gpus: not those of the ranks of the case, in their order"),
    ({f"{GPUS}.1.rank": 2}, "gpus: not those of the ranks of the case, in their order"),
    ({"details.power_watts": 1000.0}, "details.power_watts: 1000, but the other details yield 1200"),
    ({"details.power_watts": None}, "details.power_watts: None, but the energy of the GPUs yields 1200"),
    ({"details.joules_per_sample": 1.0}, "details.joules_per_sample: 1, but the other details yield"),
    ({GPUS: []}, "but the energy of the GPUs yields None"),
    ({"details.machine": None}, "but the energy of the GPUs yields None"),
]


@pytest.mark.parametrize(("changes", "named"), WRONG, ids=[named for _, named in WRONG])
def test_a_contradiction_is_found_and_named(good: dict[str, Any], changes: dict[str, Any], named: str) -> None:
    wrong = changed(good, changes)
    assert problems(wrong, SPEED) == []
    lines = speed_contradictions(store.decoded(wrong, SPEED))
    assert any(named in line for line in lines), lines


def test_figures_that_are_not_known_contradict_nothing() -> None:
    names = [name for name in gpu_report().__struct_fields__ if getattr(gpu_report(), name) is not None]
    optional = {*names} - {"rank", "partition", "seconds", "samples"}
    unknown: dict[str, Any] = {**dict.fromkeys(optional), "clock_event_reasons": {}}
    artifact = speed.build(sampled_gpus(finished_run(GPU), **unknown), Path("x"), Path("index"))
    assert failure_of(artifact) is None


def test_a_case_on_the_cpu_has_no_gpus() -> None:
    run = finished_run()
    assert run.machine is not None
    run.machine = structs.replace(run.machine, gpus=[gpu_report(seconds=5.0)])
    failure = failure_of(speed.build(run, Path("x"), Path("index")))
    assert failure is not None
    assert failure.message == "details.machine.gpus: of a case on the CPU"
