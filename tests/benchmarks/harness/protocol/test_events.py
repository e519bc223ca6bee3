from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.protocol.events import (
    Alive,
    EventWriter,
    Failed,
    Finished,
    Phase,
    RankEvents,
    Scored,
    Stalled,
    Step,
    events_path,
)
from benchmarks.harness.protocol.records import Failure
from samples import rank_result, score, step_record

STEP = step_record()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[EventWriter]:
    made = EventWriter(tmp_path, 3)
    yield made
    made._file.close()


@pytest.fixture
def events() -> RankEvents:
    return RankEvents(3)


def test_events_of_a_rank_are_read_as_they_were_written(
    tmp_path: Path, writer: EventWriter, events: RankEvents
) -> None:
    assert events.poll(tmp_path) == []
    writer.write(Phase("set-up", 77))
    writer.write(Step(STEP))
    assert events.poll(tmp_path) == [STEP]
    assert (events.pid, events.phase, events.results) == (77, "set-up", [])
    writer.write(Phase("measured steps"))
    writer.write(Finished(rank_result(3, [STEP], seconds=2.5)))
    assert events.poll(tmp_path) == []
    assert (events.pid, events.phase) == (77, "measured steps")
    (result,) = events.results
    assert (result.rank, result.measured_seconds, result.records) == (3, 2.5, (STEP,))
    assert bytes(result.own) == bytes(rank_result().own)
    assert set(events.phase_times) == {"set-up", "measured steps"}


def test_a_rank_that_has_reported_nothing_starts() -> None:
    assert (RankEvents(0).phase, RankEvents(0).position) == ("start", (0, "set-up"))


def test_everything_but_standing_still_is_a_sign_of_life(
    tmp_path: Path, writer: EventWriter, events: RankEvents
) -> None:
    writer.write(Phase("set-up", 1))
    writer.write(Step(STEP))
    writer.write(Alive())
    writer.write(Scored(score(16, 0.5)))
    writer.write(Stalled(7, "backward"))
    events.poll(tmp_path)
    assert events.signs == 4
    assert events.position == (7, "backward")
    assert events.scores == [score(16, 0.5)]


def test_the_first_failure_of_a_rank_counts(tmp_path: Path, writer: EventWriter, events: RankEvents) -> None:
    writer.write(Failed(Failure("data", "first", 0)))
    writer.write(Failed(Failure("exception", "second", 0)))
    events.poll(tmp_path)
    assert events.failure == Failure("data", "first", 0)
    assert events.failure_time > 0


def test_half_a_line_is_read_when_its_other_half_is_there(
    tmp_path: Path, writer: EventWriter, events: RankEvents
) -> None:
    writer.write(Step(STEP))
    path = events_path(tmp_path, 3)
    line = path.read_bytes()
    path.write_bytes(line[:20])
    assert events.poll(tmp_path) == []
    path.write_bytes(line)
    assert events.poll(tmp_path) == [STEP]
    assert events.poll(tmp_path) == []


def test_what_a_full_disk_left_of_a_line_costs_no_other_line(
    tmp_path: Path, writer: EventWriter, events: RankEvents
) -> None:
    writer.write(Step(STEP))
    path = events_path(tmp_path, 3)
    path.write_bytes(path.read_bytes()[:20] + b"\n" + path.read_bytes())
    assert events.poll(tmp_path) == [STEP]


def test_the_times_of_events_do_not_depend_on_the_systems_clock(
    tmp_path: Path, writer: EventWriter, events: RankEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    system_time = time.time
    before = time.monotonic()
    writer.write(Phase("warm-up"))
    monkeypatch.setattr(time, "time", lambda: system_time() - 30)
    writer.write(Phase("measured steps"))
    events.poll(tmp_path)
    assert before <= events.phase_times["warm-up"] <= events.phase_times["measured steps"] <= time.monotonic()


def test_the_parts_of_the_fixed_time_follow_each_other(tmp_path: Path, writer: EventWriter, events: RankEvents) -> None:
    writer.write(Phase("set-up"))
    with writer.timed("data"), writer.timed("imports"):
        pass
    with pytest.raises(ValueError, match="an obstacle"), writer.timed("task"):
        raise ValueError("an obstacle")
    with writer.timed("group"):
        pass
    writer.write(Finished(rank_result()))
    events.poll(tmp_path)
    names = [name for _, name in events.parts]
    assert names == ["other", "data", "imports", "data", "other", "task", "group", "other", "end"]
    times = [at for at, _ in events.parts]
    assert times == sorted(times)
    assert times[0] == events.phase_times["set-up"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), None])
def test_a_loss_that_is_not_finite_is_read_as_none(
    tmp_path: Path, writer: EventWriter, events: RankEvents, loss: float | None
) -> None:
    writer.write(Step(step_record(loss=loss)))
    (record,) = events.poll(tmp_path)
    assert record.losses == {"loss": None}
