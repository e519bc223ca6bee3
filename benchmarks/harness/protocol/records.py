"""What the ranks of a case report: steps, failures, results."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw, Struct, structs

from benchmarks.harness.protocol.gpu_report import GpuReport
from benchmarks.harness.protocol.quantities import Count, Line, PositiveCount, Seconds, about
from benchmarks.harness.protocol.reports import RankReport
from benchmarks.harness.protocol.text import printable_line


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a case has no result."""

    kind: Annotated[str, Meta(description="see docs/failures.md", pattern="^[a-z]+(_[a-z]+)*$")]
    message: Annotated[Line, about("one line for a person")]
    rank: Annotated[Count | None, about("process that failed first; null if it was none of them")] = None

    def __post_init__(self) -> None:
        # Messages of exceptions have newlines, control characters and megabytes. The schema allows one line.
        structs.force_setattr(self, "message", printable_line(self.message) or "no reason given")


class StepRecord(Struct, frozen=True):
    """What one rank knows of one step. An optional number is None if it is not known or not finite."""

    index: Annotated[PositiveCount, about("from 1, warm-up steps included")]
    warmup: Annotated[bool, about("whether the step precedes the measured window")]
    wall_seconds: Annotated[Seconds, about("on the host, from the end of the previous step to the end of this one")]
    data_wait_seconds: Annotated[Seconds, about("part of wall_seconds spent waiting for the batch")]
    device_seconds: Annotated[Seconds | None, about("between the ends of both steps on the GPU; null on the CPU")]
    samples: Annotated[PositiveCount, about("of this rank")]
    losses: Annotated[dict[str, float | None], about("name -> mean over the samples; `loss` was minimised")]
    loss_scale: Annotated[float | None, about("factor of the gradient scaler on the loss; null without one")] = None
    skipped: Annotated[bool, about("whether its gradient overflowed, so that the scaler skipped its update")] = False

    @property
    def step_seconds(self) -> float:
        """Seconds of the step on the device that executes it: the host runs ahead of a GPU."""
        return self.wall_seconds if self.device_seconds is None else self.device_seconds


def is_skipped(scale: float, next_scale: float) -> bool:
    """Whether a gradient scaler skipped a step: it halves its scale after each one, down to 0, which nothing leaves."""
    return next_scale < scale or next_scale == 0


class RankResult(Struct, frozen=True):
    """What one rank reports when its measurement has ended well.

    Attributes:
        measured_seconds: wall-clock seconds of the measured steps; the device is synchronised at both ends.
        records: of all steps, warm-up included.
        report: what every rank reports, whatever was measured.
        own: JSON of the measurement's own report, decoded by the measurement (`results/measurements.py`).
        gpu: its GPU in the measured window; None on the CPU, or if it was not sampled.
    """

    rank: int
    measured_seconds: float
    records: tuple[StepRecord, ...]
    report: RankReport
    own: Raw = Raw(b"null")
    gpu: GpuReport | None = None

    @property
    def measured(self) -> list[StepRecord]:
        return [record for record in self.records if not record.warmup]

    @property
    def samples(self) -> int:
        return sum(record.samples for record in self.measured)

    @property
    def data_wait_seconds(self) -> float:
        return sum(record.data_wait_seconds for record in self.measured)
