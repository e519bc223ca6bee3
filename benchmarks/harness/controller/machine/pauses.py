"""Times in which the processes of a case did not run: what was seen to stop, and whether a long step computed.

A slow loader, garbage collection or a compilation also makes a step long, but then processes of the case compute. A
stopped process does not, and is seen as such: by its state, by its control group, or because this process, which
watches, did not run either.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.harness.controller.machine.sampler import GAP_SECONDS, TICK_SECONDS, Sample
from benchmarks.harness.protocol.machine_report import Freeze, Pause
from benchmarks.harness.protocol.records import StepRecord

IDLE_CORES = 0.1
"""A case that uses less than this is taken to do nothing: threads that wake up now and then need a hundredth."""
GpuBusy = Callable[[float, float], bool | None]
"""Whether a GPU of the case worked between two times; None if that is not known."""


def no_gpu(_begin: float, _end: float) -> bool:
    """On the CPU."""
    return False


@dataclass(frozen=True)
class RankWindow:
    """The measured steps of one rank of this node, in monotonic time."""

    rank: int
    begin: float
    seconds: float
    steps: tuple[StepRecord, ...]

    @property
    def end(self) -> float:
        return self.begin + self.seconds

    @cached_property
    def intervals(self) -> list[tuple[float, float]]:
        """Begin and end of each step, by the host."""
        ends = list(itertools.accumulate((record.wall_seconds for record in self.steps), initial=self.begin))
        return list(itertools.pairwise(ends))


@dataclass(frozen=True)
class Stop:
    """A time in which something of the case was seen not to run."""

    begin: float
    end: float
    seen: str


def freeze_in(stops: Sequence[Stop], rank: RankWindow) -> Freeze | None:
    """The longest stop that held up a step of `rank`; None if all are shorter than GAP_SECONDS.

    A step that was not longer than the others was not held up: a stopped loader whose batches were there, or pytest
    stopped alone. So a stop counts as far as it lies within a step, and as far as the step exceeds the fastest one.
    """
    fastest = min(record.wall_seconds for record in rank.steps) if len(rank.steps) > 1 else 0.0
    held = [
        (min(shared, end - begin - fastest), record.index, stop.seen)
        for stop in stops
        for record, (begin, end) in zip(rank.steps, rank.intervals, strict=True)
        if (shared := min(end, stop.end) - max(begin, stop.begin)) > 0
    ]
    seconds, step, seen = max(held, default=(0.0, 0, ""))
    if seconds < GAP_SECONDS:
        return None
    return Freeze(seconds, sum(each for each, _, _ in held), step, seen)


def stopped_seconds(samples: Sequence[Sample], rank: RankWindow) -> float:
    """Seconds of the window in which something was stopped, by the samples that saw it: also many short stops."""
    inside = [sample for sample in samples if rank.begin <= sample.at <= rank.end]
    return sum(
        (after.at - before.at) * ((before.stopped is not None) + (after.stopped is not None)) / 2
        for before, after in itertools.pairwise(inside)
    )


def longest_pause(samples: Sequence[Sample], ranks: Sequence[RankWindow], gpu_busy: GpuBusy = no_gpu) -> Pause | None:
    """The step of all ranks that exceeds its rank's median most."""
    found: list[tuple[float, RankWindow, int]] = []
    for rank in ranks:
        if len(rank.steps) > 1:
            median = statistics.median(record.step_seconds for record in rank.steps)
            position = max(range(len(rank.steps)), key=lambda index: rank.steps[index].step_seconds)
            found.append((median, rank, position))
    if not found:
        return None
    median, rank, position = max(found, key=lambda each: each[1].steps[each[2]].step_seconds - each[0])
    record, (begin, end) = rank.steps[position], rank.intervals[position]
    return Pause(
        rank=rank.rank,
        step=record.index,
        seconds=record.step_seconds,
        median_seconds=median,
        data_wait_seconds=record.data_wait_seconds,
        busy_cores=_busy_cores(samples, begin, end),
        gpu_busy=gpu_busy(begin, end),
    )


def stops_in(samples: Sequence[Sample], cores: int) -> list[Stop]:
    """All stops, those that touch each other as one.

    A stop that several samples saw may have begun right after the sample before: how far it reaches is then limited by
    the step that it held up (`freeze_in`). One that a single sample saw may be that of a debugger that only looks.
    """
    stops: list[Stop] = []
    most = min(cores, _highest_rate(samples, cores))
    for before, after, following in zip(samples, samples[1:], [*samples[2:], None], strict=False):
        if after.gap_seconds > GAP_SECONDS and not _computed(before, after, most):
            stops.append(Stop(after.at - after.gap_seconds, after.at, "pytest, which watches, did not run either"))
        elif after.stopped is not None and (before.stopped or (following is not None and following.stopped)):
            stops.append(Stop(before.at, after.at, after.stopped))
        elif after.stopped is not None:
            stops.append(Stop(after.at - TICK_SECONDS / 2, after.at + TICK_SECONDS / 2, after.stopped))
    return _merged(stops)


def _merged(stops: Sequence[Stop]) -> list[Stop]:
    merged: list[Stop] = []
    for stop in stops:
        if merged and stop.begin <= merged[-1].end + TICK_SECONDS:
            longer = max(merged[-1], stop, key=lambda each: each.end - each.begin)
            merged[-1] = Stop(merged[-1].begin, max(merged[-1].end, stop.end), longer.seen)
        else:
            merged.append(stop)
    return merged


def _highest_rate(samples: Sequence[Sample], unknown: float) -> float:
    """Most cores that the case used between two samples without a gap."""
    return max(
        (
            (after.case_cpu_seconds - before.case_cpu_seconds) / (after.at - before.at)
            for before, after in itertools.pairwise(samples)
            if after.gap_seconds < GAP_SECONDS and after.at - before.at > TICK_SECONDS / 2
        ),
        default=unknown,
    )


def _computed(before: Sample, after: Sample, most_cores: float) -> bool:
    """Whether the case computed while this process did not run: what it used more than it can have used otherwise."""
    used = after.case_cpu_seconds - before.case_cpu_seconds
    otherwise = most_cores * (after.at - before.at - after.gap_seconds)
    return used - otherwise > IDLE_CORES * after.gap_seconds


def _busy_cores(samples: Sequence[Sample], begin: float, end: float) -> float | None:
    """Cores that the case used between two times: between the samples inside, if they cover most of it. Else at most:
    all that it used between the samples around it.
    """
    inside = [sample for sample in samples if begin <= sample.at <= end]
    if len(inside) > 1 and (seconds := inside[-1].at - inside[0].at) > (end - begin) / 2:
        return max(0.0, inside[-1].case_cpu_seconds - inside[0].case_cpu_seconds) / seconds
    before = [sample for sample in samples if sample.at <= begin]
    after = [sample for sample in samples if sample.at >= end]
    if not before or not after:
        return None
    outside = (after[0].at - before[-1].at) - (end - begin)
    if outside > end - begin:
        return None  # too short to be distinguished from what came before and after
    return max(0.0, after[0].case_cpu_seconds - before[-1].case_cpu_seconds) / (end - begin)
