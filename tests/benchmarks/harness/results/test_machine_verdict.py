"""The verdict on a machine, from the figures of its report."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from msgspec import structs

from benchmarks.harness.protocol.machine_report import Freeze, MachineDetails, Pause, Pressure, Pressures
from benchmarks.harness.results.machine_verdict import judged, machine_contradictions, machine_failure, remark
from samples import gpu_report, machine_report

NO_WAIT = Pressure(some=0.0, full=0.0)
FREEZE = Freeze(8.0, 8.0, 5, "rank 0 is stopped by SIGSTOP")


def pause(seconds: float, **changed: Any) -> Pause:
    """A step that took so long beside others of half a second, while no process of the case computed."""
    found = Pause(
        rank=0,
        step=7,
        seconds=seconds,
        median_seconds=0.5,
        data_wait_seconds=0.1,
        busy_cores=0.01,
        gpu_busy=False,
    )
    return structs.replace(found, **changed)


def memory(some: float, scope: Literal["control_group", "system"] = "system") -> Pressures:
    return Pressures(scope=scope, cpu=NO_WAIT, io=NO_WAIT, memory=Pressure(some=some, full=0.0))


QUIET: list[dict[str, Any]] = [
    {},
    {"foreign_cores": 0.09},
    {"foreign_cores": None, "idle_cores": None, "steal_fraction": None},
    {"steal_fraction": 0.04},
    {"case_cpu_seconds": 1.0},  # a slow loader, or a step that waits
    {"load_average": 40.0},  # counts waiting tasks of every kind, over a minute
    {
        "pressure": Pressures(
            scope="system", cpu=Pressure(some=0.9, full=0.0), io=Pressure(some=0.9, full=0.5), memory=None
        )
    },
    {"quota_cores": 1.5, "throttled_seconds": 0.1, "throttled_period_fraction": 0.04, "throttled_periods": 2},
    {"longest_watch_gap_seconds": 9.0},
    {"pressure": memory(0.3)},  # of others
    {"major_faults": 500},  # files that are mapped
    {"longest_pause": pause(1.9)},
    {"affinity_cores": 16, "foreign_cores": 4.0, "idle_cores": 6.0, "gpus": [gpu_report()]},
    {"gpus": [gpu_report(), gpu_report(1, foreign_utilisation_percent=None, slowdown_fraction=None)]},
    {
        "gpus": [
            gpu_report(
                slowdown_fraction=0.05,
                clock_event_bits=0x44,
                clock_event_reasons={"sw_power_cap": 0.8, "hw_thermal_slowdown": 0.05},
            )
        ]
    },
]


@pytest.mark.parametrize("figures", QUIET)
def test_a_quiet_machine(figures: dict[str, Any]) -> None:
    found = judged(machine_report(**figures))
    assert (found.verdict, found.reasons) == ("quiet", [])
    assert machine_failure(found, strict=True) is None
    assert remark(found) == ""


DISTURBED: list[tuple[dict[str, Any], str]] = [
    ({"foreign_cores": 0.9}, "other programs used 0.90 of 2 cores (limit 0.10)"),
    (
        {"affinity_cores": 16, "foreign_cores": 4.0, "idle_cores": 1.0, "gpus": [gpu_report()]},
        "other programs used 4.00 of 16 cores (limit 0.80)",
    ),
    (
        {"affinity_cores": 16, "foreign_cores": 4.0, "idle_cores": 6.0},
        "other programs used 4.00 of 16 cores (limit 0.80)",
    ),
    ({"pytest_cores": 0.8}, "pytest itself used 0.80 of 2 cores (limit 0.10)"),
    ({"steal_fraction": 0.2}, "the hypervisor took 20.0% of the cores' time (limit 5%)"),
    (
        {"quota_cores": 0.6, "throttled_seconds": 3.0, "throttled_period_fraction": 0.9, "throttled_periods": 54},
        "a CPU quota of 0.6 cores stopped the case in 90% of its periods (limit 5%)",
    ),
    ({"freeze": FREEZE}, "step 5 was held up for 8.0 s: rank 0 is stopped by SIGSTOP"),
    ({"stopped_fraction": 0.4}, "a process of the case was stopped for 40% of the window (limit 5%)"),
    ({"pressure": memory(0.3, "control_group")}, "memory was short for 30% of the time (limit 2%)"),
    ({"pressure": memory(0.3), "major_faults": 1}, "memory was short for 30% of the time (limit 2%)"),
    (
        {"gpus": [gpu_report(), gpu_report(1, slowdown_fraction=0.5, clock_event_bits=0x44)]},
        "the GPU of rank 1 was slowed down in 50% of the samples (limit 10%): hw_thermal_slowdown; "
        "its clock was 86% of the highest one",
    ),
    (
        {"gpus": [gpu_report(slowdown_fraction=0.5, clock_event_bits=0x80, sm_clock_mhz=None)]},
        "the GPU of rank 0 was slowed down in 50% of the samples (limit 10%): hw_power_brake_slowdown",
    ),
    (
        {"gpus": [gpu_report(rank, slowdown_fraction=rank / 100, clock_event_bits=0x8) for rank in range(64)]},
        "53 GPUs were slowed down, most of all the GPU of rank 63 in 63% of the samples (limit 10%): hw_slowdown; "
        "its clock was 86% of the highest one",
    ),
    (
        {"gpus": [gpu_report(rank, foreign_utilisation_percent=10.0 + rank) for rank in range(8)]},
        "1 other program with 1.0 GB used 17 % of the GPU of rank 7 (limit 5 %); 7 more GPUs were used as well",
    ),
    (
        {"gpus": [gpu_report(foreign_utilisation_percent=30.0)]},
        "1 other program with 1.0 GB used 30 % of the GPU of rank 0 (limit 5 %)",
    ),
    (
        {"gpus": [gpu_report(foreign_utilisation_percent=30.0, foreign_processes=2, foreign_memory_bytes=None)]},
        "2 other programs used 30 % of the GPU of rank 0 (limit 5 %)",
    ),
]


@pytest.mark.parametrize(("figures", "reason"), DISTURBED)
def test_a_disturbed_machine_says_why(figures: dict[str, Any], reason: str) -> None:
    found = judged(machine_report(**figures))
    assert (found.verdict, found.reasons) == ("disturbed", [reason])
    assert remark(found) == f"; machine disturbed: {reason}"
    failure = machine_failure(found, strict=True)
    assert failure is not None
    assert (failure.kind, failure.rank) == ("disturbed", None)
    assert "\n" not in failure.message


def test_a_disturbance_fails_the_case_only_if_that_is_asked_for() -> None:
    found = judged(machine_report(foreign_cores=0.9, steal_fraction=0.2))
    assert machine_failure(found, strict=False) is None
    failure = machine_failure(found, strict=True)
    assert failure is not None
    assert failure.message == (
        "other programs used 0.90 of 2 cores (limit 0.10); "
        "the hypervisor took 20.0% of the cores' time (limit 5%) (--ocr-strict-machine)"
    )


# pauses, which always fail


@pytest.mark.parametrize("longest", [None, pause(8.5), pause(60.0, median_seconds=20.0)])
def test_a_freeze_that_changes_the_result_fails_the_case(longest: Pause | None) -> None:
    failure = machine_failure(judged(machine_report(freeze=FREEZE, longest_pause=longest)), strict=False)
    assert failure is not None
    assert failure.message.startswith("step 5 was held up for 8.0 s")
    assert failure.message.endswith("rank 0 is stopped by SIGSTOP")


def test_a_freeze_that_is_short_beside_the_steps_and_the_window_disturbs_only() -> None:
    freeze = Freeze(2.0, 2.0, 5, "rank 0 is stopped by SIGSTOP")
    found = judged(
        machine_report(freeze=freeze, observed_seconds=600.0, longest_pause=pause(62.0, median_seconds=60.0))
    )
    assert found.verdict == "disturbed"
    assert machine_failure(found, strict=False) is None


def test_a_pause_in_which_nothing_computed_fails_the_case() -> None:
    failure = machine_failure(judged(machine_report(longest_pause=pause(8.5))), strict=False)
    assert failure is not None
    assert failure.message == (
        "step 7 of rank 0 took 8.5 s, a median step 0.5 s: meanwhile no process of the case computed; "
        "nothing was seen to stop them"
    )


@pytest.mark.parametrize(
    "legitimate",
    [
        {"busy_cores": 1.0},  # a compilation, garbage collection, a loader that decodes
        {"busy_cores": 1.0, "data_wait_seconds": 8.0},
        {"data_wait_seconds": 8.0},  # a loader that waits for a disk
        {"gpu_busy": True},
        {"gpu_busy": None},  # not known
        {"busy_cores": None},
        {"median_seconds": 2.0},
    ],
)
def test_a_long_step_of_the_training_is_a_finding_and_no_disturbance(legitimate: dict[str, Any]) -> None:
    found = judged(machine_report(longest_pause=pause(8.5, **legitimate)))
    assert found.verdict == "quiet"
    assert machine_failure(found, strict=True) is None


# the gate


def test_a_machine_that_was_not_observed_fails_a_strict_case_only() -> None:
    assert machine_failure(None, strict=False) is None
    assert machine_contradictions(None, strict=False) == []
    failure = machine_failure(None, strict=True)
    assert failure is not None
    assert failure.kind == "disturbed"


def test_a_gpu_that_was_not_observed_is_mentioned_and_fails_a_strict_case() -> None:
    seen = judged(machine_report(gpus=[gpu_report()]))
    assert machine_failure(seen, strict=False, gpus=2) is None
    assert remark(seen, gpus=2) == "; 1 of 2 GPUs not observed"
    failure = machine_failure(seen, strict=True, gpus=2)
    assert failure is not None
    assert (failure.kind, failure.message) == ("disturbed", "1 of 2 GPUs not observed (--ocr-strict-machine)")
    assert machine_contradictions(seen, strict=True, gpus=2) == [f"details.machine: {failure.message}"]
    assert (machine_failure(seen, strict=True, gpus=1), remark(seen, gpus=1)) == (None, "")


def test_figures_that_were_read_back_yield_the_same_verdict() -> None:
    for figures, _ in DISTURBED:
        written = msgspec.json.encode(judged(machine_report(**figures)))
        read_back = msgspec.json.decode(written, type=MachineDetails)
        found = machine_contradictions(read_back, strict=False)
        assert found == [] or "freeze" in figures


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"available_cores": 1.0}, "available_cores: 1, but affinity and quota leave 2"),
        ({"quota_cores": 0.5}, "available_cores: 2, but affinity and quota leave 0.5"),
        ({"case_cpu_fraction": 0.99}, "case_cpu_fraction: 0.990 instead of 0.833"),
        ({"freeze": Freeze(8.0, 1.0, 5, "x")}, "the longest freeze is longer than all of them"),
    ],
)
def test_the_gate_recomputes_what_follows_from_other_figures(changes: dict[str, Any], line: str) -> None:
    found = machine_contradictions(structs.replace(judged(machine_report()), **changes), strict=False)
    assert any(line in each for each in found), found


@pytest.mark.parametrize(
    ("changes", "strict", "line"),
    [
        ({"verdict": "quiet", "reasons": []}, False, "the verdict is quiet, but the figures yield disturbed"),
        ({"reasons": ["because"]}, False, "the verdict is disturbed, but the figures yield disturbed"),
        ({}, True, "other programs used 0.90 of 2 cores"),
        ({"freeze": FREEZE}, False, "step 5 was held up for 8.0 s"),
    ],
)
def test_the_gate_recomputes_the_verdict(changes: dict[str, Any], strict: bool, line: str) -> None:
    disturbed = judged(machine_report(foreign_cores=0.9))
    assert machine_contradictions(disturbed, strict=False) == []
    found = machine_contradictions(structs.replace(disturbed, **changes), strict=strict)
    assert any(line in each for each in found), found
