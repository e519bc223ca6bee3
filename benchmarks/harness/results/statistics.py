"""Figures of a run that follow from the records of its ranks."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import TypeVar

from benchmarks.harness.protocol.records import RankResult
from benchmarks.harness.protocol.reports import CommunicationReport
from benchmarks.harness.results.speed_artifact import StepSeconds

T = TypeVar("T", int, float)


def total(values: Iterable[T | None]) -> T | None:
    """The sum of those that are known; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def throughput(ranks: Sequence[RankResult]) -> float:
    """Samples per second: samples of all ranks in the measured steps / seconds of the slowest rank."""
    return sum(rank.samples for rank in ranks) / slowest(ranks).measured_seconds


def slowest(ranks: Sequence[RankResult]) -> RankResult:
    """The rank whose measured steps took longest."""
    return max(ranks, key=lambda rank: rank.measured_seconds)


def step_distribution(seconds: Sequence[float]) -> StepSeconds:
    """Mean, median, 95th percentile (linear interpolation), extremes and sample standard deviation."""
    ordered = sorted(seconds)
    return StepSeconds(
        mean=statistics.fmean(ordered),
        p50=statistics.median(ordered),
        p95=_percentile(ordered, 0.95),
        min=ordered[0],
        max=ordered[-1],
        stdev=statistics.stdev(ordered) if len(ordered) > 1 else 0.0,
    )


def exposed_communication_fraction(ranks: Sequence[CommunicationReport | None]) -> float | None:
    """The part of a step by which the exchange of gradients prolongs it; None if a rank does not know it.

    With the exchange all ranks go at the speed of the slowest one, so it is compared with the slowest local step: what
    the others wait for it is not communication.
    """
    known = [each for each in ranks if each is not None]
    if not known or len(known) < len(ranks):
        return None
    step = max(each.step_seconds for each in known)
    return max(0.0, 1 - max(each.local_step_seconds for each in known) / step)


def loss_curve(steps: Sequence[tuple[int, dict[str, float]]], points: int = 100) -> list[dict[str, float]]:
    """Steps as (index, losses), in order -> about `points` points: `step`, the last of its steps, and mean losses."""
    length = _points_length(len(steps), points)
    groups = [steps[first : first + length] for first in range(0, len(steps), length)]
    return [
        {"step": group[-1][0]} | {name: statistics.fmean(losses[name] for _, losses in group) for name in group[0][1]}
        for group in groups
    ]


def curve_steps(steps: int, points: int = 100) -> list[int]:
    """The field `step` of each point of the `loss_curve` of a whole training."""
    length = _points_length(steps, points)
    return [min(first + length, steps) for first in range(0, steps, length)]


def _points_length(steps: int, points: int) -> int:
    """Steps of one point."""
    return max(1, -(-steps // points))


def _percentile(ordered: Sequence[float], fraction: float) -> float:
    position = fraction * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
