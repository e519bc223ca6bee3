from __future__ import annotations

from pathlib import Path

from benchmarks.harness.events import EventWriter, RankEvents
from benchmarks.harness.records import Failure, RankResult, StepRecord

STEP = StepRecord(1, True, 0.5, 0.1, None, 2, {"loss": 1.5})


def test_what_a_rank_writes_is_read(tmp_path: Path) -> None:
    writer, events = EventWriter(tmp_path, 3), RankEvents(3)
    assert events.poll(tmp_path) == []
    writer.write("phase", name="set-up", pid=77)
    writer.step(STEP)
    assert events.poll(tmp_path) == [STEP]
    assert (events.pid, events.phase, events.results) == (77, "set-up", [])
    writer.phase("window")
    result = RankResult(3, 2.5, (STEP,), {"peak": 1})
    writer.result(result)
    assert events.poll(tmp_path) == []
    assert (events.phase, events.results) == ("window", [result])
    assert set(events.phase_times) == {"set-up", "window"}


def test_the_first_failure_stands(tmp_path: Path) -> None:
    writer, events = EventWriter(tmp_path, 0), RankEvents(0)
    writer.failure(Failure("data", "first", 0))
    writer.failure(Failure("exception", "second", 0))
    events.poll(tmp_path)
    assert events.failure == Failure("data", "first", 0)


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    writer, events = EventWriter(tmp_path, 0), RankEvents(0)
    writer.step(STEP)
    path = tmp_path / "rank0.jsonl"
    line = path.read_bytes()
    path.write_bytes(line[:20])
    assert events.poll(tmp_path) == []
    path.write_bytes(line)
    assert events.poll(tmp_path) == [STEP]
    assert events.poll(tmp_path) == []
