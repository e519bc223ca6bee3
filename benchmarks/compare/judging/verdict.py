"""The verdict on the intervals of the two measures.

Why its claims hold: the intervals of all looks cover the truth at once with probability 1 - alpha (`statistics`), so
for each measure "slower" and "faster" each err with probability alpha / 2 at most. "faster" and "no slower" always
need the wall clock, and on a disturbed CPU also the CPU seconds, which do not see waiting: each errs with alpha / 2 at
most. On a disturbed CPU, "slower" rests on either measure and so errs with alpha at most; between equal sides "faster"
then needs both measures to err, which is as rare as both erring towards "slower": together alpha again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.compare.document import Measure, Pair, RunFigures, Word
from benchmarks.compare.judging.statistics import Interval


def measure_of(pairs: Sequence[Pair], device: str) -> Measure:
    """The measure that answers first: "wall", or "cpu" on a disturbed CPU if all pairs have comparable CPU seconds.

    Only machine verdicts decide, never ratios; a machine of unknown state counts as not disturbed.
    """
    if device != "cpu" or any(pair.cpu_ratio is None for pair in pairs):
        return "wall"
    return "cpu" if 2 * sum(map(is_disturbed, pairs)) > len(pairs) else "wall"


def is_disturbed(pair: Pair) -> bool:
    """Whether the machine disturbed a run, so much that it was not accepted, or less."""
    return any(run.machine == "disturbed" or failed_by_machine(run) for run in runs(pair))


def failed_by_machine(run: RunFigures) -> bool:
    """Whether a run has no result because the machine was disturbed."""
    return run.failure is not None and run.failure.startswith("disturbed")


def failures(pair: Pair) -> list[tuple[str, str]]:
    """Side and cause of each run that has no result."""
    named = (("base", pair.base), ("head", pair.head))
    return [(name, run.failure) for name, run in named if run is not None and run.failure is not None]


def runs(pair: Pair) -> list[RunFigures]:
    """Its runs: a stored side has none."""
    return [run for run in (pair.base, pair.head) if run is not None]


def finding(interval: Interval | None, allowed: float) -> Word:
    """What the interval of one measure alone shows. Slower by less than `allowed` is "no slower"."""
    if interval is None:
        return "cannot tell"
    if interval.low > 0:
        return "faster"
    if interval.low > math.log1p(-allowed):
        return "no slower"
    return "slower" if interval.high < 0 else "cannot tell"


def contradictory(wall: Interval | None, cpu: Interval | None, *, allowed: float) -> bool:
    """Whether one measure shows that the head is faster and the other that it is slower."""
    return {finding(wall, allowed), finding(cpu, allowed)} == {"slower", "faster"}


def judge(
    wall: Interval | None, cpu: Interval | None, *, allowed: float, measure: Measure
) -> tuple[Word, list[Measure]]:
    """The verdict and the measures that it rests on; if it is "cannot tell", those that would have to tell.

    Where the machine was quiet, the wall clock alone decides: CPU seconds are no cost of a training that is faster.
    """
    findings: dict[Measure, Word] = {"wall": finding(wall, allowed)}
    if measure == "cpu":
        findings["cpu"] = finding(cpu, allowed)
    words = set(findings.values())
    slower: list[Measure] = [name for name, word in findings.items() if word == "slower"]
    if slower and "faster" not in words:
        return "slower", slower
    if words == {"faster"}:
        return "faster", list(findings)
    if words <= {"faster", "no slower"}:
        return "no slower", list(findings)
    return "cannot tell", [name for name, word in findings.items() if _interval(name, wall, cpu) is not None]


def settled(wall: Interval | None, cpu: Interval | None, *, allowed: float, measure: Measure) -> bool:
    """Whether more pairs are not needed: what the verdict rests on lies wholly on one side of the allowed slow-down."""
    word, rests_on = judge(wall, cpu, allowed=allowed, measure=measure)
    if word != "slower":
        return word in ("faster", "no slower")
    intervals = [_interval(name, wall, cpu) for name in rests_on]
    return any(interval is not None and interval.high < math.log1p(-allowed) for interval in intervals)


def _interval(measure: Measure, wall: Interval | None, cpu: Interval | None) -> Interval | None:
    return wall if measure == "wall" else cpu
