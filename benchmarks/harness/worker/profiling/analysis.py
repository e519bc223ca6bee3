"""The figures of one rank's profiled steps, from the events of its trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks.harness.protocol.profile_report import (
    CommunicationTime,
    Gap,
    Gaps,
    Group,
    GroupTime,
    Part,
    ProfileDetail,
    RankProfile,
)
from benchmarks.harness.worker.exceptions import ProfilerError
from benchmarks.harness.worker.probes.work import Operation
from benchmarks.harness.worker.profiling.events import DEVICE_KINDS, Event
from benchmarks.harness.worker.profiling.intervals import Interval, clipped, gaps, length, overlap, union
from benchmarks.harness.worker.profiling.known_work import KnownWork
from benchmarks.harness.worker.profiling.pieces import Piece, device_pieces, host_pieces
from benchmarks.harness.worker.profiling.rows import PER_SECOND, Frame, short, top_kernels, top_operators
from benchmarks.harness.worker.profiling.timeline import Timeline, is_library_operator
from benchmarks.harness.worker.profiling.waits import RANGE, host_waits

LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaLaunchCooperativeKernel", "cudaGraphLaunch", "cuGraphLaunch")
"""Beginnings of the names of calls that issue kernels."""

OF_GLOO = "gloo:"
"""Beginning of the names of ranges in which its threads run a collective."""

LEAST_GAP_SECONDS = 10e-6
"""A GPU needs some microseconds from one kernel to the next, whatever the host does."""

LONGEST_GAPS = 5

LEAST_SEEN = 0.9
"""Share of the launched kernels that the profiler must have reported."""

NO_KERNELS = (
    "make sure that no other profiler is attached, and that the process may trace the GPU (in a container "
    "--cap-add SYS_ADMIN; else the driver's option NVreg_RestrictProfilingToAdminUsers=0)"
)


class Profiled(NamedTuple):
    """The profiled steps of a rank.

    Attributes:
        events: of the trace, in order.
        steps: their number.
        data_wait_seconds: of all of them.
        on_gpu: whether they ran on a GPU.
    """

    events: Sequence[Event]
    steps: int
    data_wait_seconds: float
    on_gpu: bool


class Analysis:
    """What happened in the profiled steps.

    Raises:
        ProfilerError: if the profiler did not report the steps, or not all kernels of the GPU; one line.
    """

    def __init__(self, profiled: Profiled) -> None:
        self._profiled = profiled
        self._timeline = Timeline(profiled.events)
        steps = steps_range(profiled.events)
        if profiled.on_gpu:
            _check_kernels(profiled.events, steps)
        self._steps = steps.begin, steps.end
        self._window = device_window(profiled.events, steps)
        self._pieces = (
            device_pieces(profiled.events, self._timeline, self._window)
            if profiled.on_gpu
            else host_pieces(self._timeline, self._window)
        )
        self._busy = union(each.interval for each in self._pieces)
        self._frame = Frame(profiled.steps, length(self._busy))

    def rank_profile(self, rank: int, *, communicates: bool) -> RankProfile:
        """The figures that every rank reports."""
        profiled, calls = self._profiled, [each for each in self._profiled.events if self._within_steps(each)]
        seconds = (self._window[1] - self._window[0]) / PER_SECOND
        busy = self._frame.busy / PER_SECOND
        on_gpu, steps = profiled.on_gpu, profiled.steps
        return RankProfile(
            rank=rank,
            profiled_seconds=seconds,
            busy_seconds=min(busy, seconds),
            busy_fraction=min(1.0, busy / seconds),
            data_wait_seconds=profiled.data_wait_seconds,
            operators_per_step=len(self._outermost()) / steps,
            kernels_per_step=len(self._pieces) / steps if on_gpu else None,
            launches_per_step=sum(map(is_launch, calls)) / steps if on_gpu else None,
            host_waits_per_step=host_waits(profiled.events, self._steps).total() / steps if on_gpu else None,
            communication=self._communication() if communicates else None,
        )

    def detail(self, operations: Iterable[Operation]) -> ProfileDetail:
        """`operations` are those of one step, as counted."""
        works = KnownWork(operations).of_owners(self._timeline)
        kernels = self._pieces if self._profiled.on_gpu else []
        listed_kernels, other_kernels = top_kernels(kernels, works, self._frame)
        listed_operators, other_operators = top_operators(self._pieces, works, self._frame)
        return ProfileDetail(
            groups=group_times(self._pieces, self._frame),
            top_kernels=listed_kernels,
            other_kernels=other_kernels,
            top_operators=listed_operators,
            other_operators=other_operators,
            gaps=self._gaps(),
        )

    def _within_steps(self, event: Event) -> bool:
        return self._steps[0] <= event.begin <= self._steps[1]

    def _outermost(self) -> list[Event]:
        found = {self._timeline.owner(each) for each in self._timeline.operators if self._within_steps(each)}
        return [each for each in found if is_library_operator(each.name) and self._within_steps(each)]

    def _communication(self) -> CommunicationTime:
        own = [each.interval for each in self._pieces if each.group == "communication"]
        exchange = union([*own, *self._collectives_of_the_host()])
        others = union(each.interval for each in self._pieces if each.group != "communication")
        return CommunicationTime(
            seconds_per_step=self._frame.seconds(length(exchange)),
            overlapped_seconds_per_step=max(0.0, self._frame.seconds(overlap(exchange, others))),
        )

    def _collectives_of_the_host(self) -> list[Interval]:
        """Those that gloo's threads run. They are no operators, so they are no part of the busy time."""
        if self._profiled.on_gpu:
            return []
        found = [each for each in self._profiled.events if each.kind == "range" and each.name.startswith(OF_GLOO)]
        return [within for each in found if (within := clipped(each.begin, each.end, self._window))]

    def _gaps(self) -> Gaps:
        free = sorted(gaps(self._busy, self._window), key=lambda gap: gap[0] - gap[1])
        counted = [each for each in free if each[1] - each[0] >= LEAST_GAP_SECONDS * PER_SECOND]
        return Gaps(
            least_seconds=LEAST_GAP_SECONDS,
            count_per_step=len(counted) / self._profiled.steps,
            seconds_per_step=self._frame.seconds(length(free)),
            longest=[self._gap(each) for each in counted[:LONGEST_GAPS]],
        )

    def _gap(self, gap: Interval) -> Gap:
        begin, end = gap
        before = max((each for each in self._pieces if each.interval[1] <= begin), key=_end, default=None)
        after = min((each for each in self._pieces if each.interval[0] >= end), key=_begin, default=None)
        return Gap(
            seconds=(end - begin) / PER_SECOND,
            part=self._timeline.part_at((begin + end) / 2),
            before=None if before is None else short(before.operator),
            after=None if after is None else short(after.operator),
        )


def steps_range(events: Iterable[Event]) -> Event:
    """The profiled steps on the host. Raises ProfilerError if the trace lacks them."""
    found = next((each for each in events if each.kind == "range" and each.name == RANGE), None)
    if found is None or found.end <= found.begin:
        raise ProfilerError("torch's profiler reported no steps; run the case again, alone")
    return found


def device_window(events: Iterable[Event], steps: Event) -> Interval:
    """From the beginning of the steps on the host to their end there, or that of the last kernel or copy."""
    last = max((each.end for each in events if each.kind in DEVICE_KINDS), default=steps.end)
    return steps.begin, max(steps.end, last)


def device_work(events: Iterable[Event]) -> tuple[int, float]:
    """Number of kernels and copies, and milliseconds in which at least one of them ran."""
    work = [(each.begin, each.end) for each in events if each.kind in DEVICE_KINDS]
    return len(work), length(union(work)) / 1e3


def is_launch(event: Event) -> bool:
    """Whether it is a call that issues kernels."""
    return event.kind == "call" and event.name.startswith(LAUNCHES)


def group_times(pieces: Iterable[Piece], frame: Frame) -> list[GroupTime]:
    """The most time first."""
    found: dict[Group, dict[Part, float]] = defaultdict(lambda: defaultdict(float))
    for each in pieces:
        found[each.group][each.part] += each.shared
    ordered = sorted(found.items(), key=lambda item: -sum(item[1].values()))
    return [
        GroupTime(
            group=group,
            seconds_per_step=frame.seconds(sum(parts.values())),
            share=frame.share(sum(parts.values())),
            parts={part: frame.seconds(time) for part, time in parts.items()},
        )
        for group, parts in ordered
    ]


def _check_kernels(events: Sequence[Event], steps: Event) -> None:
    """A trace without its kernels would make a GPU look idle. Calls before the steps have no kernels in the trace."""
    kernels = sum(each.kind == "kernel" for each in events)
    launches = sum(is_launch(each) and steps.begin <= each.begin <= steps.end for each in events)
    if not kernels:
        raise ProfilerError(f"CUDA's profiler reported no kernel of the steps: {NO_KERNELS}")
    if kernels < LEAST_SEEN * launches:
        raise ProfilerError(
            f"CUDA's profiler reported {kernels} kernels of {launches} launches: profile fewer steps (--ocr-steps)"
        )


def _begin(piece: Piece) -> float:
    return piece.interval[0]


def _end(piece: Piece) -> float:
    return piece.interval[1]
