"""Where the fixed seconds of a case go: everything that is neither warm-up nor measured steps, by part."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.harness.protocol.stages import OTHER


def seconds_by_part(
    parts: Sequence[tuple[float, str]], total_seconds: float, stepping: tuple[float, float], overhead_seconds: float
) -> dict[str, float]:
    """Name of each part of the fixed time -> its seconds, in the order in which they begin. The sum is
    `overhead_seconds`.

    The parts are those of the first rank. What it does while slower ranks are in their measured steps costs nothing.

    Args:
        parts: second since the launch in which each begins, and its name.
        total_seconds: from launch to end.
        stepping: begin and end of warm-up and measured steps, in seconds since the launch; the end is that of the
            slowest rank.
        overhead_seconds: all fixed seconds.
    """
    begin, end = stepping
    found: dict[str, float] = {}
    ends = [at for at, _ in parts[1:]] + [total_seconds]
    for (first, name), last in zip(parts, ends, strict=False):  # without any part, all is other
        steps = max(0.0, min(last, end) - max(first, begin))
        found[name] = found.get(name, 0.0) + max(0.0, last - first - steps)
    rest = overhead_seconds - math.fsum(found.values())
    other = found.get(OTHER, 0.0) + rest
    if other < 0:  # the times contradict each other, which must not cost the result
        return {OTHER: overhead_seconds}
    return {name: seconds for name, seconds in {**found, OTHER: other}.items() if seconds > 0}
