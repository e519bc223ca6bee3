"""The train log: what the training printed, a line a step, in the form that existing log parsers read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from benchmarks.harness.records import Failure, StepRecord


def format_step(record: StepRecord, total_steps: int, learning_rate: float) -> str:
    """The log line of one step, warm-up or measured; costs are of this step, samples and ips of this process."""
    return (
        f"step: {record.index}/{total_steps} "
        f"loss: {record.losses['loss']:.6f} "
        f"lr: {learning_rate:.6f} "
        f"avg_reader_cost: {record.data_wait_seconds:.6f} s, "
        f"avg_batch_cost: {record.step_seconds:.6f} s, "
        f"avg_samples: {float(record.samples):.1f}, "
        f"ips: {record.samples / record.step_seconds:.6f} samples/sec"
    )


class TrainLog:
    """The file, written line by line as the lines come, each redacted first: whoever wrote it, nothing private stays.

    Attributes:
        ended: set once the last process that could print has ended.
        failure: why the log is not whole, None where it is.
    """

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._redact = redact
        self.ended = threading.Event()
        self.failure: Failure | None = None

    def copy(self, stream: IO[bytes]) -> None:
        """Copy a stream to its end. A log that cannot be written must not block the processes that print."""
        for line in stream:
            if self.failure is None:
                try:
                    self._file.write(self._redact(line.decode(errors="replace").rstrip("\r\n")) + "\n")
                except OSError as error:
                    self.failure = Failure("output", f"the train log cannot be written: {error.strerror}")
        self.ended.set()

    def __enter__(self) -> TrainLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as close_error:  # what is still buffered finds no room either
            self.failure = self.failure or Failure("output", f"the train log cannot be written: {close_error.strerror}")
