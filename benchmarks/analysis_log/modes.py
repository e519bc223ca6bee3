"""What a record of a log is, and how a result follows from it: --model_mode."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """What a record and the result are.

    Attributes:
        record: "rate", or "time" in seconds.
        unit: of the result.
        needs_batch_size: whether the result counts samples although the records count steps.
    """

    record: str
    unit: str
    needs_batch_size: bool = False


MODES = {
    -1: Mode("rate", "samples/sec"),
    0: Mode("time", "samples/sec", needs_batch_size=True),
    1: Mode("rate", "steps/s"),
    2: Mode("time", "steps/s"),
    3: Mode("rate", "samples/sec", needs_batch_size=True),
    4: Mode("time", "s/epoch"),
}


def convert(mean: float, mode: int, batch_size: int, processes: int) -> float:
    """The result, in the unit of the mode, from a mean of the records."""
    return {
        -1: processes * mean,
        0: batch_size * processes / mean,
        1: mean,
        2: 1 / mean,
        3: batch_size * processes * mean,
        4: mean,
    }[mode]
