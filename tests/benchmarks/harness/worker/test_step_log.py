"""What happens with each finished step of a rank."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.harness.protocol.events import EventWriter, RankEvents
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.worker.exceptions import NonFiniteLossError
from benchmarks.harness.worker.step_log import StepLog, log_line
from benchmarks.harness.worker.trainer import Trainer
from samples import step_record

TRAINER = cast(Trainer, SimpleNamespace(learning_rates=[0.1, 0.01, 0.001]))


@pytest.fixture(params=[0, 1])
def events(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EventWriter]:
    """Of rank 0, then of rank 1."""
    writer = EventWriter(tmp_path, request.param)
    yield writer
    writer._file.close()


def test_the_line_is_the_contracts() -> None:
    record = StepRecord(12, False, 0.75, 0.001234, 0.693147, 8, {"loss": 0.512345, "loss_text": 0.4})
    assert log_line(record, 60, 1e-3) == (
        "step: 12/60 loss: 0.512345 lr: 0.001000 avg_reader_cost: 0.001234 s, avg_batch_cost: 0.693147 s, "
        "avg_samples: 8.0, ips: 11.541563 samples/sec"
    )


def test_each_step_is_kept_reported_and_printed_by_rank_0_alone(
    events: EventWriter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = StepLog(events, TRAINER, total_steps=3)
    records = [step_record(1, warmup=True), step_record(2)]
    for record in records:
        log(record)
    assert log.records == RankEvents(events.rank).poll(tmp_path) == records
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" avg_reader")[0] for line in lines] == (
        ["step: 1/3 loss: 1.000000 lr: 0.100000", "step: 2/3 loss: 1.000000 lr: 0.010000"] if events.rank == 0 else []
    )


def test_a_resumed_training_has_the_learning_rates_of_its_own_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = EventWriter(tmp_path, 0)
    StepLog(events, TRAINER, total_steps=60, steps_done=40)(step_record(42))
    events._file.close()
    assert "step: 42/60 loss: 1.000000 lr: 0.010000" in capsys.readouterr().out


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training_after_it_was_reported(
    events: EventWriter, tmp_path: Path, value: float
) -> None:
    log = StepLog(events, TRAINER, total_steps=3)
    record = StepRecord(2, False, 0.5, 0.1, None, 2, {"loss": 0.5, "loss_text": value})
    with pytest.raises(NonFiniteLossError, match=f"^loss_text is {value} at step 2$"):
        log(record)
    assert len(RankEvents(events.rank).poll(tmp_path)) == 1
