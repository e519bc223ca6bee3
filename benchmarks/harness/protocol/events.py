"""How the ranks report to the pytest process: one file of JSON lines per rank, appended to.

A file outlives the process that wrote it, so what a rank reported before it was killed is still known.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.harness.protocol.records import Failure, RankResult, StepRecord
from benchmarks.harness.protocol.reports import Score
from benchmarks.harness.protocol.stages import END, OTHER, SET_UP, START


class Event(Struct, frozen=True, tag_field="event", tag=str.lower):
    """Something that a rank reports."""


class Phase(Event, frozen=True):
    """A phase of the case begins. The first one names the process."""

    name: str
    pid: int | None = None


class Part(Event, frozen=True):
    """A part of the fixed time of a case begins: its seconds are those until the next part or phase."""

    name: str


class OnGpu(Event, frozen=True):
    """The rank trains on this GPU. `uuid` has no prefix, `bus_id` is domain:bus:device.function."""

    uuid: str
    bus_id: str


class Stalled(Event, frozen=True):
    """The rank has not moved for a while; it is in this stage of this step."""

    step: int
    stage: str


class Alive(Event, frozen=True):
    """Progress that is not a step, such as one evaluated sample."""


class Step(Event, frozen=True):
    """A step has ended."""

    record: StepRecord


class Scored(Event, frozen=True):
    """An evaluation on the held-out split has ended."""

    score: Score


class Finished(Event, frozen=True):
    """The measurement has ended well. The first rank of a node reports the results of all ranks."""

    result: RankResult


class Failed(Event, frozen=True):
    """The rank ends with this failure."""

    failure: Failure


AnyEvent = Phase | Part | OnGpu | Stalled | Alive | Step | Scored | Finished | Failed


class TimedEvent(Struct, frozen=True):
    """A line of the file. `time` is in seconds of `time.monotonic`: on Linux one clock for all processes of a machine.
    Nobody sets it, while a step of the system's time would change the durations.
    """

    time: float
    event: AnyEvent


class ReportError(OSError):
    """The file of the events cannot be written."""


class EventWriter:
    """Writes the events of one rank. May be used by several threads, but `timed` by one."""

    def __init__(self, run_folder: Path, rank: int) -> None:
        self.rank = rank
        self._lock = threading.Lock()
        self._file = events_path(run_folder, rank).open("ab")
        self._part = OTHER

    def write(self, event: AnyEvent) -> None:
        """Raises ReportError if the disk is full."""
        line = msgspec.json.encode(TimedEvent(time.monotonic(), event)) + b"\n"
        try:
            with self._lock:
                self._file.write(line)
                self._file.flush()  # a rank may be killed at any time
        except OSError as error:
            message = f"TMPDIR cannot be written, so a rank cannot report: {error.strerror}"
            raise ReportError(error.errno, message) from error

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the seconds of the block as this part of the fixed time (`results/overhead.py`). In a block within
        another one, only the inner part is counted.
        """
        outer, self._part = self._part, part
        self.write(Part(part))
        try:
            yield
        finally:
            self._part = outer
        self.write(Part(outer))


def events_path(run_folder: Path, rank: int) -> Path:
    """The file of one rank."""
    return run_folder / f"rank{rank}.jsonl"


@dataclass
class RankEvents:
    """What one rank has reported so far.

    Attributes:
        phase: the latest; `phase_times` has the time at which each began, in seconds of `time.monotonic`.
        parts: the time at which each part of the fixed time began, in the same seconds, and its name.
        position: step and stage in which it last reported to stand still.
        signs: number of signs of life.
        gpu: the GPU that it trains on; None on the CPU.
        results: of the rank itself; on the first rank of a node those of all ranks.
        failure: the first one reported, `failure_time` its time, in seconds of `time.monotonic`.
    """

    rank: int
    pid: int | None = None
    phase: str = START
    phase_times: dict[str, float] = field(default_factory=dict)
    parts: list[tuple[float, str]] = field(default_factory=list)
    records: list[StepRecord] = field(default_factory=list)
    position: tuple[int, str] = (0, SET_UP)
    scores: list[Score] = field(default_factory=list)
    signs: int = 0
    gpu: OnGpu | None = None
    results: list[RankResult] = field(default_factory=list)
    failure: Failure | None = None
    failure_time: float = 0.0
    _read_bytes: int = 0

    def poll(self, run_folder: Path) -> list[StepRecord]:
        """Read the events appended since the last call. Returns the step records among them."""
        before = len(self.records)
        for timed in self._new_events(events_path(run_folder, self.rank)):
            self._take(timed.event, timed.time)
        return self.records[before:]

    def _new_events(self, path: Path) -> Iterator[TimedEvent]:
        try:
            with path.open("rb") as file:
                file.seek(self._read_bytes)
                data = file.read()
        except FileNotFoundError:
            return
        whole, newline, _ = data.rpartition(b"\n")  # the writer may be in the middle of a line
        self._read_bytes += len(whole) + len(newline)
        for line in whole.splitlines():
            with contextlib.suppress(msgspec.DecodeError):  # a full disk leaves a part of a line before the next one
                yield msgspec.json.decode(line, type=TimedEvent)

    def _take(self, event: AnyEvent, at: float) -> None:
        self.signs += not isinstance(event, Stalled)
        match event:
            case Phase():
                self.pid = event.pid or self.pid
                self.phase_times[event.name] = at  # first: the samplers, threads of their own, look at the phase
                self.phase = event.name
                self.parts.append((at, OTHER))
            case Part():
                self.parts.append((at, event.name))
            case OnGpu():
                self.gpu = event
            case Stalled():
                self.position = (event.step, event.stage)
            case Step():
                self.records.append(event.record)
            case Scored():
                self.scores.append(event.score)
            case Finished():
                self.results.append(event.result)
                self.parts.append((at, END))
            case Failed():
                if self.failure is None:
                    self.failure, self.failure_time = event.failure, at
            case Alive():
                pass
