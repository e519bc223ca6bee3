"""What the ranks of a case report, and the throughput that follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Failure:
    """Why a case has no result.

    Attributes:
        kind: what happened, one of the words of README's table of failures.
        message: one line for a person.
        rank: the process that failed first, None where it was none of them.
    """

    kind: str
    message: str
    rank: int | None = None


@dataclass(frozen=True)
class StepRecord:
    """What one rank knows of one step.

    Attributes:
        index: from 1; warm-up steps count.
        warmup: whether the step came before the measured window.
        wall_seconds: on the host, from the end of the step before to the end of this one.
        data_wait_seconds: the part of it in which the step waited for its batch.
        device_seconds: between the ends of the two steps on the GPU; None on the CPU.
        samples: of this rank.
        losses: name -> mean over this rank's samples; "loss" is what the step minimised.
    """

    index: int
    warmup: bool
    wall_seconds: float
    data_wait_seconds: float
    device_seconds: float | None
    samples: int
    losses: dict[str, float]

    @property
    def step_seconds(self) -> float:
        """The step's time where it is spent: on the GPU if there is one, since the host runs ahead of it."""
        return self.wall_seconds if self.device_seconds is None else self.device_seconds


@dataclass(frozen=True)
class RankResult:
    """What one rank reports when its measured window is over.

    Attributes:
        window_seconds: wall clock of the window, the device synchronised at both ends.
        report: what else the rank knows of itself (peak memory, checksum, versions, ...).
    """

    rank: int
    window_seconds: float
    records: tuple[StepRecord, ...]
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> list[StepRecord]:
        return [record for record in self.records if not record.warmup]

    @property
    def samples(self) -> int:
        return sum(record.samples for record in self.measured)

    @property
    def data_wait_seconds(self) -> float:
        return sum(record.data_wait_seconds for record in self.measured)


def throughput(ranks: Sequence[RankResult]) -> float:
    """Samples per second: samples of all ranks in the window over the seconds of the slowest rank's window."""
    return sum(rank.samples for rank in ranks) / slowest(ranks).window_seconds


def slowest(ranks: Sequence[RankResult]) -> RankResult:
    return max(ranks, key=lambda rank: rank.window_seconds)


def distribution(seconds: Sequence[float]) -> dict[str, float]:
    """Mean, median, 95th percentile (linear interpolation), extremes and sample standard deviation of step seconds."""
    ordered = sorted(seconds)
    return {
        "mean": statistics.fmean(ordered),
        "p50": statistics.median(ordered),
        "p95": _percentile(ordered, 0.95),
        "min": ordered[0],
        "max": ordered[-1],
        "stdev": statistics.stdev(ordered) if len(ordered) > 1 else 0.0,
    }


def loss_curve(steps: Sequence[tuple[int, dict[str, float]]], points: int = 100) -> list[dict[str, float]]:
    """Losses of steps, (index, losses) each, in their order -> about `points` means over as many stretches of them;
    `step` is the last of its stretch."""
    length = -(-len(steps) // points)
    stretches = [steps[first : first + length] for first in range(0, len(steps), max(1, length))]
    return [
        {"step": stretch[-1][0]}
        | {name: statistics.fmean(losses[name] for _, losses in stretch) for name in stretch[0][1]}
        for stretch in stretches
    ]


def _percentile(ordered: Sequence[float], fraction: float) -> float:
    position = fraction * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
