"""How the ranks of a case tell the pytest process what happens: one file of JSON lines per rank, appended to.

A file outlives the process that wrote it, so what a rank knew before it was killed is still known afterwards.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.records import Failure, RankResult, StepRecord


class EventWriter:
    """One rank's end."""

    def __init__(self, run_folder: Path, rank: int) -> None:
        self.rank = rank
        self._lock = threading.Lock()
        self._file = open(run_folder / f"rank{rank}.jsonl", "a", encoding="utf-8", buffering=1)  # noqa: SIM115

    def write(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, "time": time.time(), **values}) + "\n"
        with self._lock:
            self._file.write(line)

    def phase(self, name: str) -> None:
        """The rank begins something: "set-up", "warm-up", "window", "training", "evaluation" or "reports"."""
        self.write("phase", name=name)

    def alive(self) -> None:
        """The rank comes along with something that is no step."""
        self.write("alive")

    def step(self, record: StepRecord) -> None:
        self.write("step", record=asdict(record))

    def score(self, figures: dict[str, float]) -> None:
        """An evaluation on held-out images has ended."""
        self.write("score", figures=figures)

    def result(self, result: RankResult) -> None:
        self.write("result", **asdict(result))

    def failure(self, failure: Failure) -> None:
        self.write("failure", **asdict(failure))


@dataclass
class RankEvents:
    """What one rank has told so far.

    Attributes:
        position: step and stage it last said to be standing still in.
        scores: of its evaluations on held-out images.
        signs: how often it has told that it comes along.
        results: its own; on a node's first rank those of all ranks.
    """

    rank: int
    pid: int | None = None
    phase: str = "start"
    phase_times: dict[str, float] = field(default_factory=dict)
    records: list[StepRecord] = field(default_factory=list)
    position: tuple[int, str] = (0, "set-up")
    scores: list[dict[str, float]] = field(default_factory=list)
    signs: int = 0
    results: list[RankResult] = field(default_factory=list)
    failure: Failure | None = None
    failure_time: float = 0.0
    _read_bytes: int = 0

    def poll(self, run_folder: Path) -> list[StepRecord]:
        """Read what has been appended since the last call; the step records among it."""
        before = len(self.records)
        for event in self._new_events(run_folder / f"rank{self.rank}.jsonl"):
            self._take(event)
        return self.records[before:]

    def _new_events(self, path: Path) -> Iterator[dict[str, Any]]:
        try:
            with open(path, "rb") as file:
                file.seek(self._read_bytes)
                data = file.read()
        except FileNotFoundError:
            return
        whole, newline, _ = data.rpartition(b"\n")  # the writer may be in the middle of a line
        self._read_bytes += len(whole) + len(newline)
        for line in whole.splitlines():
            yield json.loads(line)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        self.signs += kind != "position"
        if kind == "phase":
            self.pid = event.get("pid", self.pid)
            self.phase = event["name"]
            self.phase_times[self.phase] = event["time"]
        elif kind == "position":
            self.position = (event["step"], event["stage"])
        elif kind == "step":
            self.records.append(StepRecord(**event["record"]))
        elif kind == "score":
            self.scores.append(event["figures"])
        elif kind == "result":
            records = tuple(StepRecord(**record) for record in event["records"])
            self.results.append(RankResult(event["rank"], event["window_seconds"], records, event["report"]))
        elif kind == "failure" and self.failure is None:
            self.failure = Failure(event["kind"], event["message"], event["rank"])
            self.failure_time = event["time"]
