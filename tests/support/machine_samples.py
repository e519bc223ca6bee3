"""Made-up samples of a machine, and the steps that ran on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.harness.controller.machine.pauses import RankWindow
from benchmarks.harness.controller.machine.procfs import CpuTimes
from benchmarks.harness.controller.machine.sampler import Sample
from samples import step_record

CORES = 2


def sample(at: float, **changed: Any) -> Sample:
    """Of two cores, of which the case uses one and a half and other programs nothing, since time 0."""
    quiet = Sample(
        at=at,
        gap_seconds=0.0,
        watched_cpu_seconds=1.6 * at,
        pytest_cpu_seconds=0.1 * at,
        case_cpu_seconds=1.5 * at,
        stopped=None,
        stopped_rank=None,
        involuntary_switches=None,
        major_faults=0,
        cpu=CpuTimes(busy=1.6 * at, idle=0.4 * at, iowait=0.0, steal=0.0),
        load_average=2.0,
        swapped_in_bytes=0,
        pressure=dict.fromkeys(("cpu", "io", "memory"), (0.1 * at, 0.0)),
        pressure_of_group=False,
        throttling=None,
        quota_cores=None,
    )
    return replace(quiet, **changed)


def samples(*times: float) -> list[Sample]:
    return [sample(at) for at in times]


def window(*step_seconds: float, begin: float = 10.0, rank: int = 0, data_wait_seconds: float = 0.1) -> RankWindow:
    """Steps of these durations, the first after two steps of warm-up."""
    steps = [
        step_record(index, seconds=seconds, data_wait_seconds=data_wait_seconds)
        for index, seconds in enumerate(step_seconds, start=3)
    ]
    return RankWindow(rank, begin, sum(step_seconds), tuple(steps))


def idle_between(begin: float, end: float, times: Sequence[float], cores: float = 1.5) -> list[Sample]:
    """Samples of a case that used `cores` except between two times, in which it did nothing."""
    return [sample(at, case_cpu_seconds=cores * (at - max(0.0, min(at, end) - begin)), cpu=None) for at in times]
