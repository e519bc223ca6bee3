"""What bounds a step, and how close it is to the limits of the machine (docs/reading-a-result.md)."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.protocol.limits import RankLimits
from benchmarks.harness.results.speed_artifact import Bound, Roofline
from benchmarks.harness.results.statistics import total

DATA_BOUND = 0.1
"""From this part of the time that is spent waiting for batches, the loader bounds: a step never waits for a faster
one.
"""

HOST_BOUND = 0.9
"""From this part of a step's time that the host needs to issue it, the host bounds: the GPU has nothing queued."""


FAR_FROM_LIMITS = 0.25
"""Below this part of a step's time, arithmetic and memory together do not explain the step: other programs, gaps or
slow kernels do, which no probe of the case distinguishes.
"""


def roofline(
    limits: Sequence[RankLimits],
    *,
    step_seconds: float,
    matmul_tflops: float,
    data_fraction: float,
    communication_fraction: float | None,
) -> Roofline | None:
    """The roofline of a step, None if the work of a step is not known.

    Args:
        limits: of each rank; the first knows the work, which is the same for all.
        step_seconds: mean of the measured steps of the slowest rank.
        matmul_tflops: all ranks.
        data_fraction: part of the time that is spent waiting for batches.
        communication_fraction: part of the time that the exchange of gradients adds; None if not known.
    """
    work, ranks = limits[0].step_work, len(limits)
    if work is None:
        return None
    copied = sum(each.copy_terabytes_per_second for each in limits)
    arithmetic = ranks * work.arithmetic_bound_flops / 1e12 / matmul_tflops / step_seconds
    memory = ranks * work.memory_bound_bytes / 1e12 / copied / step_seconds
    host = host_fraction(limits, step_seconds)
    return Roofline(
        bound_by=bound_by(arithmetic, memory, host, data_fraction, communication_fraction),
        seconds=(arithmetic + memory) * step_seconds,
        fraction=arithmetic + memory,
        arithmetic_fraction=arithmetic,
        memory_fraction=memory,
        bytes_per_step=ranks * work.bytes,
        flops_per_step=ranks * work.flops,
        bandwidth_fraction=ranks * work.bytes / 1e12 / step_seconds / copied,
        host_fraction=host,
    )


def bound_in_words(found: Roofline) -> str:
    """`bound_by` for people, who must not take the largest of three small parts for the cause."""
    if found.bound_by in ("arithmetic", "memory") and found.fraction < FAR_FROM_LIMITS:
        return "nothing known"
    return found.bound_by


def host_fraction(limits: Sequence[RankLimits], step_seconds: float) -> float | None:
    """The time that the slowest host needs to issue a step, compared with the step; None on the CPU."""
    issued = [each.host_step_seconds for each in limits if each.host_step_seconds is not None]
    return max(issued) / step_seconds if issued else None


def bound_by(arithmetic: float, memory: float, host: float | None, data: float, communication: float | None) -> Bound:
    """Who must become faster for the step to become faster, from the parts of a step's time."""
    if data >= DATA_BOUND:
        return "data"
    if host is not None and host >= HOST_BOUND:
        return "host"
    parts: dict[Bound, float] = {"arithmetic": arithmetic, "memory": memory, "communication": communication or 0.0}
    return max(parts, key=lambda part: parts[part])


def matmul_held_tflops(limits: Sequence[RankLimits]) -> float | None:
    """Of all ranks; None on the CPU."""
    return total(each.matmul_held_tflops for each in limits)
