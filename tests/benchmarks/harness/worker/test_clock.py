"""On the CPU. Events on a GPU are tested in `tests/benchmarks/test_gpu.py`."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.worker.clock import StepClock


def run(steps: int, *, step_seconds: float = 0.02, data_seconds: float = 0.01) -> tuple[list[StepRecord], float]:
    records: list[StepRecord] = []
    clock = StepClock(torch.device("cpu"), steps + 1, records.append)
    clock.begin(warmup=True)
    clock.batch_arrived()
    clock.step_done(2, {"loss": torch.tensor(1.0)})
    clock.finish()
    time.sleep(0.05)  # between warm-up and window: part of neither
    clock.begin(warmup=False)
    for step in range(steps):
        time.sleep(data_seconds)
        clock.batch_arrived()
        time.sleep(step_seconds)
        clock.step_done(2, {"loss": torch.tensor([step, step + 1.0]), "part": torch.tensor(0.5)})
    return records, clock.finish()


def test_the_seconds_of_the_window_are_those_of_its_steps() -> None:
    records, seconds = run(5)
    measured = [record for record in records if not record.warmup]
    assert sum(record.wall_seconds for record in measured) == pytest.approx(seconds, abs=2e-3)
    assert 5 * 0.03 <= seconds < 5 * 0.03 + 0.05


def test_cpu_seconds_are_those_of_the_last_window_with_all_threads() -> None:
    clock = StepClock(torch.device("cpu"), 3, lambda record: None)
    for seconds in (0.3, 0.0, 0.2):
        clock.begin(warmup=False)
        thread = threading.Thread(target=compute, args=(seconds,))
        thread.start()
        time.sleep(0.1)  # waiting takes no CPU time
        thread.join()
        clock.step_done(2, {"loss": torch.tensor(1.0)})
        clock.finish()
        compute(0.1)  # between two windows
        assert seconds <= clock.cpu_seconds < seconds + 0.1


def compute(cpu_seconds: float) -> None:
    end = time.thread_time() + cpu_seconds
    while time.thread_time() < end:
        pass


def test_waiting_for_data_is_part_of_the_step_and_reported_separately() -> None:
    record = run(1)[0][1]
    assert 0.01 <= record.data_wait_seconds < 0.02
    assert record.wall_seconds >= 0.03


def test_records_are_numbered_and_marked_as_warm_up_or_measured() -> None:
    records = run(3)[0]
    assert [(record.index, record.warmup) for record in records] == [(1, True), (2, False), (3, False), (4, False)]


def test_losses_are_means_over_the_samples() -> None:
    records = run(2)[0]
    assert [record.losses for record in records[1:]] == [{"loss": 0.5, "part": 0.5}, {"loss": 1.5, "part": 0.5}]


def test_on_the_cpu_there_are_no_device_seconds() -> None:
    assert {record.device_seconds for record in run(1)[0]} == {None}


def test_a_resumed_training_continues_to_count_steps_over_several_windows() -> None:
    records: list[StepRecord] = []
    clock = StepClock(torch.device("cpu"), 7, records.append, steps_done=3)
    for _ in range(2):
        clock.begin(warmup=False)
        for _ in range(2):
            clock.batch_arrived()
            clock.step_done(2, {"loss": torch.tensor(1.0)})
        assert clock.finish() < 0.5
    assert [record.index for record in records] == [4, 5, 6, 7]
