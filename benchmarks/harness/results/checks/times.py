"""Whether the seconds of a speed case fit each other: the whole run, the measured window, its steps."""

from __future__ import annotations

import math
from itertools import pairwise

from benchmarks.cases import Case
from benchmarks.harness.results.checks.case import ANOTHER_CLOCK, RELATIVE_ROUNDING, mismatch
from benchmarks.harness.results.speed_artifact import SpeedArtifact, TimedDetails, TimedRank

UNTIMED_ON_GPU = 1.0
"""Seconds between the last event on a GPU and the end of the window, in which the host writes records."""

BETWEEN_CLOCKS = 0.1
"""Seconds between the readings of the wall clock and of the CPU time at either end of the measured window."""


def slowest_rank(details: TimedDetails[TimedRank]) -> TimedRank:
    """The rank whose measured steps took longest."""
    return max(details.ranks, key=lambda rank: rank.measured_seconds)


def time_rule(_artifact: SpeedArtifact, details: TimedDetails[TimedRank], _case: Case) -> list[str]:
    """Set-up, warm-up and measured steps fit into the whole run; waiting for data fits into the measured steps."""
    after_set_up = details.warmup_seconds + details.measured_seconds
    overhead = max(0.0, details.total_seconds - after_set_up)
    found = mismatch("overhead_seconds", details.overhead_seconds, overhead)
    found += mismatch("overhead_seconds", details.overhead_seconds, math.fsum(details.overhead.values()))
    if not (parts := details.setup_seconds + after_set_up) <= ANOTHER_CLOCK * details.total_seconds:
        found.append(
            f"details.total_seconds: {details.total_seconds:g}, but set-up, warm-up and measured steps took {parts:g}"
        )
    for rank in details.ranks:
        if not rank.data_wait_seconds <= ANOTHER_CLOCK * rank.measured_seconds:
            found.append(f"details.ranks: rank {rank.rank}: data_wait_seconds: more than measured_seconds")
    return found


def cpu_time_rule(_artifact: SpeedArtifact, details: TimedDetails[TimedRank], _case: Case) -> list[str]:
    """A rank has no more CPU time than its cores have in the measured steps."""
    found = []
    for rank in details.ranks:
        most = _most_cores(details, rank.rank) * (1.05 * rank.measured_seconds + BETWEEN_CLOCKS)
        if not rank.cpu_seconds <= most:
            found.append(
                f"details.ranks: rank {rank.rank}: cpu_seconds: {rank.cpu_seconds:g}, but its cores had at most "
                f"{most:.3f} s"
            )
    return found


def _most_cores(details: TimedDetails[TimedRank], rank: int) -> int:
    """Cores that a rank could use. `environment.cores` leaves out the fraction of a core that a quota may have."""
    machine, values = details.machine, details.rank_differences.get("environment.cores")
    cores = details.environment.cores if values is None else int(values[rank])
    is_whole = details.nodes == 1 and machine is not None and machine.quota_cores is None
    return cores if is_whole else cores + 1


def step_distribution_rule(_artifact: SpeedArtifact, details: TimedDetails[TimedRank], _case: Case) -> list[str]:
    """The figures of `step_seconds` can be those of one distribution, whose sum fills the measured window."""
    steps, count = details.step_seconds, details.measured_steps
    ordered = [steps.min, steps.p50, steps.p95, steps.max]
    slack = RELATIVE_ROUNDING * steps.max
    found = []
    if any(upper < lower - slack for lower, upper in pairwise(ordered)):
        found.append("details.step_seconds: min, p50, p95 and max do not rise")
    if not steps.min - slack <= steps.mean <= steps.max + slack:
        found.append("details.step_seconds: mean is not between min and max")
    # The standard deviation is least if all other values are half-way between the extremes, and largest if all values
    # are extremes (inequality of Bhatia and Davis).
    free = max(1, count - 1)
    least = (steps.max - steps.min) / math.sqrt(2 * free)
    largest = math.sqrt(max(0.0, (steps.max - steps.mean) * (steps.mean - steps.min)) * count / free)
    if not least - slack <= steps.stdev <= largest + math.sqrt(slack * steps.max):
        found.append(f"details.step_seconds: stdev {steps.stdev:g} does not fit min, mean and max")
    return found + _sum_of_steps(details)


def _sum_of_steps(details: TimedDetails[TimedRank]) -> list[str]:
    """On the CPU the steps fill the window. On a GPU they are timed by events: the host ends the window later."""
    window, total = slowest_rank(details), details.step_seconds.mean * details.measured_steps
    if window.device_seconds is None:
        filled = math.isclose(total, window.measured_seconds, rel_tol=1e-3)
    else:
        filled = math.isclose(total, window.device_seconds, rel_tol=RELATIVE_ROUNDING)
    found = [] if filled else [f"details.step_seconds: {total:g} s in all steps, which do not fill the measured window"]
    for rank in details.ranks:
        least = 0.9 * rank.measured_seconds - UNTIMED_ON_GPU
        most = ANOTHER_CLOCK * rank.measured_seconds + 1e-3
        if rank.device_seconds is not None and not least <= rank.device_seconds <= most:
            found.append(f"details.ranks: rank {rank.rank}: device_seconds does not fill the measured window")
    return found
