"""A thread that samples the machine from the launch of a case to its end."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.controller.machine import procfs
from benchmarks.harness.controller.machine.procfs import PROC, CpuTimes, ProcessTimes
from benchmarks.harness.protocol.control_groups import ControlGroups, Throttling
from benchmarks.harness.protocol.events import RankEvents

TICK_SECONDS = 0.25  # a tick only notices that the thread runs
SAMPLE_SECONDS = 0.5
MAX_SAMPLE_SECONDS = 10.0
MAX_RESOLUTION = 2000  # of the time so far: so the samples of a day are few enough to be kept
COST_FACTOR = 1000  # a sample that takes 2 ms of CPU time is taken every 2 s: at most a thousandth of a core
GAP_SECONDS = 1.0  # a thread that sleeps may wake late on a busy machine, by tenths of a second
RESOURCES = ("cpu", "io", "memory")


@dataclass(frozen=True)
class Sample:
    """The machine at one moment. Counters since the start of what they count; differences of samples are used.

    Attributes:
        at: monotonic seconds.
        gap_seconds: the longest time since the previous sample in which this thread, which should have, did not run.
        watched_cpu_seconds: CPU time of pytest and all its descendants, ended ones included.
        pytest_cpu_seconds: of this process alone.
        case_cpu_seconds: of the agent, the ranks and their children.
        stopped: what of the case was stopped, a text; None if all could run.
        stopped_rank: its number, if it is one rank.
        involuntary_switches: of the threads of the ranks; None except where a phase begins.
        cpu: of the cores that the case may use.
        pressure: resource -> seconds in which some, and in which all tasks waited.
    """

    at: float
    gap_seconds: float
    watched_cpu_seconds: float
    pytest_cpu_seconds: float
    case_cpu_seconds: float
    stopped: str | None
    stopped_rank: int | None
    involuntary_switches: int | None
    major_faults: int
    cpu: CpuTimes | None
    load_average: float | None
    swapped_in_bytes: int | None
    pressure: dict[str, tuple[float, float]]
    pressure_of_group: bool
    throttling: Throttling | None
    quota_cores: float | None


class MachineSampler:
    """Samples while it is open: `with MachineSampler(...) as sampler`. It never fails the case that it watches.

    Attributes:
        samples: so far.
    """

    def __init__(self, case_pid: int, ranks: Sequence[RankEvents], proc: Path = PROC) -> None:
        """`case_pid`: the agent, or the only rank. `ranks`: as far as they have reported; their process and phase are
        read.
        """
        self.samples: list[Sample] = []
        self._case_pid, self._ranks, self._proc = case_pid, ranks, proc
        self.cores = frozenset(os.sched_getaffinity(0))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    def __enter__(self) -> MachineSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=5)

    def stopped(self) -> tuple[str, int | None] | None:
        """What of the case the latest sample saw stopped, and the number of the rank if it is one."""
        latest = self.samples[-1] if self.samples else None
        return None if latest is None or latest.stopped is None else (latest.stopped, latest.stopped_rank)

    def _run(self) -> None:
        with contextlib.suppress(Exception):  # whatever it is: without samples the artifact says so
            self._take_samples()

    def _take_samples(self) -> None:
        tick_before = time.monotonic()
        gap, due, phases = 0.0, tick_before, self._phases()
        while True:
            ended = self._end.wait(TICK_SECONDS)
            now = time.monotonic()
            late = now - tick_before - TICK_SECONDS
            gap, tick_before = max(gap, late), now
            # The begin and the end of the window, the time behind a gap, and a stop are seen as sharply as possible.
            new_phase = self._phases() != phases
            if ended or new_phase or late > GAP_SECONDS or self.stopped() is not None or now >= due:
                cpu_before = time.thread_time()
                self.samples.append(self._sample(now, gap, threads=new_phase))
                cost = time.thread_time() - cpu_before
                due = now + _pause_seconds(cost, now - self.samples[0].at)
                gap, phases = 0.0, self._phases()
            if ended:
                return

    def _phases(self) -> list[str]:
        return [events.phase for events in self._ranks]

    def _sample(self, now: float, gap: float, *, threads: bool) -> Sample:
        times = self._case_times()
        rank_pids = [events.pid for events in self._ranks if events.pid in times]
        own = procfs.process_times(os.getpid(), self._proc)  # with the case, once it has ended
        groups = ControlGroups.of(rank_pids[0] if rank_pids else self._case_pid, self._proc)
        stopped, stopped_rank = self._stopped(times, groups)
        files = {each: groups.pressure_file(each) for each in RESOURCES}
        of_group = all(files.values())
        pressure = {
            each: procfs.pressure_seconds(file if of_group and file else self._proc / "pressure" / each)
            for each, file in files.items()
        }
        case_seconds = sum(each.cpu_seconds for each in times.values())
        return Sample(
            at=now,
            gap_seconds=gap,
            watched_cpu_seconds=case_seconds + (own.cpu_seconds if own else 0.0),
            pytest_cpu_seconds=own.own_cpu_seconds if own else 0.0,
            case_cpu_seconds=case_seconds,
            stopped=stopped,
            stopped_rank=stopped_rank,
            involuntary_switches=sum(procfs.involuntary_switches(pid, self._proc) for pid in rank_pids if pid)
            if threads
            else None,
            major_faults=sum(times[pid].major_faults for pid in rank_pids if pid),
            cpu=procfs.cpu_times(self.cores, self._proc),
            load_average=procfs.load_average(self._proc),
            swapped_in_bytes=procfs.swapped_in_bytes(self._proc),
            pressure={name: seconds for name, seconds in pressure.items() if seconds is not None},
            pressure_of_group=of_group,
            throttling=groups.throttling(),
            quota_cores=groups.quota_cores(),
        )

    def _case_times(self) -> dict[int, ProcessTimes]:
        """Of the processes of the case. A rank that lost its agent has another parent."""
        roots = [self._case_pid, *(events.pid for events in self._ranks if events.pid is not None)]
        pids = {pid for root in roots for pid in procfs.process_tree(root, self._proc)}
        found = {pid: procfs.process_times(pid, self._proc) for pid in sorted(pids)}
        return {pid: times for pid, times in found.items() if times is not None}

    def _stopped(self, times: dict[int, ProcessTimes], groups: ControlGroups) -> tuple[str | None, int | None]:
        """What is stopped, and the rank if it is one. Without an agent, which only waits."""
        if groups.is_frozen():
            return "the control group of the ranks is frozen", None
        waiting = {self._case_pid} - {events.pid for events in self._ranks}
        stopped = {pid for pid, each in times.items() if each.state in procfs.STOPPED_STATES} - waiting
        if not stopped:
            return None, None
        how = "by SIGSTOP" if any(times[pid].state == "T" for pid in stopped) else "by a debugger"
        ranks = [events.rank for events in self._ranks if events.pid in stopped]
        if not ranks:
            return f"a loader process is stopped {how}", None
        what = f"rank {ranks[0]} is" if len(ranks) == 1 else f"ranks {', '.join(map(str, ranks))} are"
        return f"{what} stopped {how}", ranks[0] if len(ranks) == 1 else None


def _pause_seconds(cost_seconds: float, elapsed_seconds: float) -> float:
    """Until the next sample, after one that took `cost_seconds` of CPU time."""
    wanted = max(SAMPLE_SECONDS, COST_FACTOR * cost_seconds, elapsed_seconds / MAX_RESOLUTION)
    return min(MAX_SAMPLE_SECONDS, wanted)
