"""A thread that samples the GPUs of the ranks of this node, from the launch of a case to its end.

It is not the thread that samples the machine: a question to NVML may take seconds, or never return if a GPU is lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.controller.machine import gpus, nvml, procfs
from benchmarks.harness.controller.machine.gpu_processes import Ours, pids_on
from benchmarks.harness.controller.machine.gpu_window import GpuWindow, gpu_report
from benchmarks.harness.controller.machine.gpus import GpuSample
from benchmarks.harness.controller.machine.sampler import MAX_RESOLUTION, MAX_SAMPLE_SECONDS, SAMPLE_SECONDS
from benchmarks.harness.protocol.events import RankEvents
from benchmarks.harness.protocol.gpu_report import write_gpu_report
from benchmarks.harness.protocol.stages import PROBES, WINDOW

TICK_SECONDS = 0.1  # a tick only looks whether a phase has begun
CPU_COST_FACTOR = 500  # samples cost at most a five-hundredth of a core
WALL_COST_FACTOR = 20  # the driver is asked for at most a twentieth of the time


@dataclass
class WatchedGpu:
    """The GPU of one rank and its samples so far. `gpu` is None if NVML does not know it."""

    rank: RankEvents
    gpu: nvml.Gpu | None
    samples: list[GpuSample] = field(default_factory=list)
    reported: bool = False


class GpuSampler:
    """Samples while it is open: `with GpuSampler(...) as sampler`. It never fails the case that it watches.

    When the window of a rank has ended, the report of its GPU is written to the run folder; the rank sends it with its
    result, so the first node has the reports of all nodes.
    """

    def __init__(self, case_pid: int, ranks: Sequence[RankEvents], run_folder: Path, *, on_gpus: bool) -> None:
        """`case_pid`: the agent. `ranks`: those of this node. Without GPUs nothing is sampled."""
        self._case_pid, self._ranks, self._folder = case_pid, ranks, run_folder
        self._watched: dict[int, WatchedGpu] = {}
        self._before: Collection[int] = ()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpus", daemon=True)
        self._on_gpus = on_gpus

    def __enter__(self) -> GpuSampler:
        if self._on_gpus:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._on_gpus:
            self._thread.join(timeout=1)

    def busy(self, begin: float, end: float) -> bool | None:
        """Whether a GPU of the case worked between two times; None if that is not known."""
        if not self._on_gpus:
            return False
        uses = [
            sample.utilisation_percent
            for each in list(self._watched.values())
            for sample in list(each.samples)
            if begin <= sample.at <= end and sample.utilisation_percent is not None
        ]
        return any(uses) if uses else None

    def _run(self) -> None:
        with contextlib.suppress(Exception):  # whatever it is: without samples the artifact says so
            if nvml.initialised():
                handles = [handle for card in nvml.cards() for handle in (card, *nvml.partitions(card))]
                self._before = pids_on(map(nvml.Gpu, handles))
                self._take_samples()
            else:
                for events in self._ranks:
                    write_gpu_report(self._folder, events.rank, None)

    def _take_samples(self) -> None:
        begin = due = time.monotonic()
        phases: list[str] = []
        while not self._end.wait(TICK_SECONDS):
            self._find_gpus()
            now_phases = [events.phase for events in self._ranks]
            if now_phases == phases and time.monotonic() < due:
                continue
            phases = now_phases
            at, cpu = time.monotonic(), time.thread_time()
            for each in self._watched.values():
                with contextlib.suppress(Exception):  # one GPU, or a full disk, must not cost the others
                    self._sample(each)
            wall_seconds, cpu_seconds = time.monotonic() - at, time.thread_time() - cpu
            due = time.monotonic() + pause_seconds(cpu_seconds, wall_seconds, at - begin)

    def _find_gpus(self) -> None:
        for events in self._ranks:
            if events.gpu is not None and events.rank not in self._watched:
                self._watched[events.rank] = WatchedGpu(events, nvml.gpu_at(events.gpu))

    def _sample(self, watched: WatchedGpu) -> None:
        if watched.gpu is None:
            if not watched.reported:
                watched.reported = True
                write_gpu_report(self._folder, watched.rank.rank, None)
            return
        ours = Ours(watched.rank.pid or 0, self._case_pids, self._before)
        watched.samples.append(gpus.sample(watched.gpu, ours))
        begin, end = (watched.rank.phase_times.get(phase) for phase in (WINDOW, PROBES))
        if begin is not None and end is not None and end <= watched.samples[-1].at and not watched.reported:
            watched.reported = True
            window = GpuWindow(watched.rank.rank, begin, end)
            report = gpu_report(window, watched.samples, gpus.settings(watched.gpu), partition=watched.gpu.partition)
            write_gpu_report(self._folder, watched.rank.rank, report)

    def _case_pids(self) -> set[int]:
        roots = [self._case_pid, *(events.pid for events in self._ranks if events.pid is not None)]
        return {pid for root in roots for pid in procfs.process_tree(root)}


def pause_seconds(cpu_seconds: float, wall_seconds: float, elapsed_seconds: float) -> float:
    """Until the next round of samples, after one that took so much time, `elapsed_seconds` after the first."""
    wanted = max(
        SAMPLE_SECONDS,
        CPU_COST_FACTOR * cpu_seconds,
        WALL_COST_FACTOR * wall_seconds,
        elapsed_seconds / MAX_RESOLUTION,
    )
    return min(MAX_SAMPLE_SECONDS, wanted)
