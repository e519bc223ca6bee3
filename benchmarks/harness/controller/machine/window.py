"""From the samples of a whole case to the report of its measured window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from msgspec import structs

from benchmarks.harness.controller.machine.gpu_sampler import GpuSampler
from benchmarks.harness.controller.machine.pauses import (
    GpuBusy,
    RankWindow,
    freeze_in,
    longest_pause,
    no_gpu,
    stopped_seconds,
    stops_in,
)
from benchmarks.harness.controller.machine.sampler import RESOURCES, MachineSampler, Sample
from benchmarks.harness.protocol.control_groups import Throttling
from benchmarks.harness.protocol.machine_report import MachineReport, Pressure, Pressures
from benchmarks.harness.protocol.run import Run
from benchmarks.harness.protocol.stages import WINDOW


def machine_of(run: Run, sampler: MachineSampler, gpu_sampler: GpuSampler) -> MachineReport | None:
    """The report of a run that has ended; None if it has no measured steps, or was not sampled."""
    windows = [
        RankWindow(result.rank, begin, result.measured_seconds, tuple(result.measured))
        for result in run.results
        for events in run.ranks
        if events.rank == result.rank and (begin := events.phase_times.get(WINDOW)) is not None and result.measured
    ]
    if not windows:
        return None
    report = machine_report(sampler.samples, windows, len(sampler.cores), gpu_sampler.busy)
    gpus = [result.gpu for result in run.results if result.gpu is not None]
    return None if report is None else structs.replace(report, gpus=gpus)


def machine_report(
    samples: Sequence[Sample], ranks: Sequence[RankWindow], affinity_cores: int, gpu_busy: GpuBusy = no_gpu
) -> MachineReport | None:
    """What the machine did during the measured steps of the ranks of this node; None if it was not sampled then."""
    around = _around(samples, min(rank.begin for rank in ranks), max(rank.end for rank in ranks))
    if around is None:
        return None
    first, last = around[0], around[-1]
    quota = min((each.quota_cores for each in around if each.quota_cores is not None), default=None)
    throttled = _throttling(around)
    cores = affinity_cores if quota is None else min(float(affinity_cores), quota)
    change = _Change(first, last)
    case_seconds = change.of(lambda sample: sample.case_cpu_seconds) or 0.0
    return MachineReport(
        observed_seconds=change.seconds,
        samples=len(around),
        affinity_cores=affinity_cores,
        quota_cores=quota,
        available_cores=cores,
        case_cpu_seconds=case_seconds,
        case_cpu_fraction=case_seconds / (change.seconds * cores),
        foreign_cores=_foreign_cores(change),
        pytest_cores=change.rate(lambda sample: sample.pytest_cpu_seconds) or 0.0,
        idle_cores=change.rate(_idle),
        steal_fraction=change.fraction(lambda sample: None if sample.cpu is None else sample.cpu.steal, affinity_cores),
        iowait_fraction=change.fraction(
            lambda sample: None if sample.cpu is None else sample.cpu.iowait, affinity_cores
        ),
        load_average=max((each.load_average for each in around if each.load_average is not None), default=None),
        involuntary_switches=_involuntary_switches(around),
        major_faults=int(change.of(lambda sample: sample.major_faults) or 0),
        swapped_in_bytes=_whole(change.of(lambda sample: sample.swapped_in_bytes)),
        pressure=_pressures(change),
        throttled_periods=None if throttled is None else throttled.throttled_periods,
        throttled_period_fraction=None if throttled is None else _period_fraction(throttled),
        throttled_seconds=None if throttled is None else throttled.throttled_seconds,
        longest_watch_gap_seconds=max((each.gap_seconds for each in around[1:]), default=0.0),
        freeze=freeze_in(stops_in(around, affinity_cores), ranks[0]),
        stopped_fraction=min(1.0, stopped_seconds(around, ranks[0]) / ranks[0].seconds),
        longest_pause=longest_pause(around, ranks, gpu_busy),
        gpus=[],
    )


def _around(samples: Sequence[Sample], begin: float, end: float) -> list[Sample] | None:
    """From the last sample before the window to the first after it. None if one of them is missing."""
    before = [index for index, sample in enumerate(samples) if sample.at <= begin]
    after = [index for index, sample in enumerate(samples) if sample.at >= end]
    if not before or not after or before[-1] >= after[0]:
        return None
    return list(samples[before[-1] : after[0] + 1])


@dataclass(frozen=True)
class _Change:
    """What counters counted between two samples. A counter that is missing in one of them yields None."""

    first: Sample
    last: Sample

    @property
    def seconds(self) -> float:
        return self.last.at - self.first.at

    def of(self, counter: Callable[[Sample], float | None]) -> float | None:
        """Never negative: processes that end take their counts along."""
        before, after = counter(self.first), counter(self.last)
        return None if before is None or after is None else max(0.0, after - before)

    def rate(self, counter: Callable[[Sample], float | None]) -> float | None:
        found = self.of(counter)
        return None if found is None else found / self.seconds

    def fraction(self, counter: Callable[[Sample], float | None], of: float = 1.0) -> float | None:
        found = self.rate(counter)
        return None if found is None else min(1.0, found / of)


def _foreign_cores(change: _Change) -> float | None:
    """What the cores did beyond the processes of the case and pytest."""
    busy = change.rate(lambda sample: None if sample.cpu is None else sample.cpu.busy)
    watched = change.rate(lambda sample: sample.watched_cpu_seconds)
    return None if busy is None or watched is None else max(0.0, busy - watched)


def _throttling(around: Sequence[Sample]) -> Throttling | None:
    """Between the samples, also if the case enters or leaves a group with a quota meanwhile."""
    known = [(before.throttling, after.throttling) for before, after in pairwise(around)]
    pairs = [(before, after) for before, after in known if before is not None and after is not None]
    if not pairs:
        return None
    periods = sum(max(0, after.periods - before.periods) for before, after in pairs)
    throttled = sum(max(0, after.throttled_periods - before.throttled_periods) for before, after in pairs)
    seconds = sum(max(0.0, after.throttled_seconds - before.throttled_seconds) for before, after in pairs)
    return Throttling(periods, min(periods, throttled), seconds)


def _period_fraction(throttled: Throttling) -> float:
    return throttled.throttled_periods / max(1, throttled.periods)


def _involuntary_switches(around: Sequence[Sample]) -> int:
    """Between the first and the last sample that counted them."""
    counts = [each.involuntary_switches for each in around if each.involuntary_switches is not None]
    return max(0, counts[-1] - counts[0]) if counts else 0


def _pressures(change: _Change) -> Pressures:
    found = {name: _pressure(change, name) for name in RESOURCES}
    of_group = change.first.pressure_of_group and change.last.pressure_of_group
    return Pressures(scope="control_group" if of_group else "system", **found)


def _pressure(change: _Change, resource: str) -> Pressure | None:
    unknown = (None, None)
    some = change.fraction(lambda sample: sample.pressure.get(resource, unknown)[0])
    full = change.fraction(lambda sample: sample.pressure.get(resource, unknown)[1])
    return None if some is None or full is None else Pressure(some=some, full=full)


def _idle(sample: Sample) -> float | None:
    return None if sample.cpu is None else sample.cpu.idle + sample.cpu.iowait


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
