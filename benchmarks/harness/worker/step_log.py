"""What happens with each finished step of a rank: kept, reported, printed, checked."""

from __future__ import annotations

import math

from benchmarks.harness.protocol.events import EventWriter, Step
from benchmarks.harness.protocol.records import StepRecord
from benchmarks.harness.worker.exceptions import NonFiniteLossError
from benchmarks.harness.worker.trainer import Trainer


class StepLog:
    """Called by the clock with each finished step.

    Attributes:
        records: of all steps so far.
    """

    def __init__(self, events: EventWriter, trainer: Trainer, total_steps: int, steps_done: int = 0) -> None:
        """`steps_done` is the number of steps of an earlier run of the same training."""
        self.records: list[StepRecord] = []
        self._events, self._trainer = events, trainer
        self._total_steps, self._steps_done = total_steps, steps_done

    def __call__(self, record: StepRecord) -> None:
        """Raises NonFiniteLossError if a loss is NaN or infinite."""
        self.records.append(record)
        self._events.write(Step(record))
        if self._events.rank == 0:
            learning_rate = float(self._trainer.learning_rates[record.index - 1 - self._steps_done])
            print(log_line(record, self._total_steps, learning_rate), flush=True)
        for name, value in record.losses.items():
            if value is None or not math.isfinite(value):
                raise NonFiniteLossError(f"{name} is {value} at step {record.index}")


def log_line(record: StepRecord, total_steps: int, learning_rate: float) -> str:
    """The line of one step in the train log, in a form that existing log parsers read. Costs and rate of this step,
    samples of this process.
    """
    return (
        f"step: {record.index}/{total_steps} "
        f"loss: {record.losses['loss']:.6f} "
        f"lr: {learning_rate:.6f} "
        f"avg_reader_cost: {record.data_wait_seconds:.6f} s, "
        f"avg_batch_cost: {record.step_seconds:.6f} s, "
        f"avg_samples: {float(record.samples):.1f}, "
        f"ips: {record.samples / record.step_seconds:.6f} samples/sec"
    )
