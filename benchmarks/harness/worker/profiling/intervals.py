"""Unions and gaps of time intervals, and the time that those which run at once share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Interval = tuple[float, float]
"""Beginning and end."""


def clipped(begin: float, end: float, window: Interval) -> Interval | None:
    """The part of an interval within a window; None if there is none."""
    begin, end = max(begin, window[0]), min(end, window[1])
    return (begin, end) if end > begin else None


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Disjoint intervals with the same points, in order."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def length(disjoint: Iterable[Interval]) -> float:
    """Of disjoint intervals together."""
    return sum(end - begin for begin, end in disjoint)


def overlap(one: Sequence[Interval], other: Sequence[Interval]) -> float:
    """Time in which both of two unions run."""
    return length(one) + length(other) - length(union([*one, *other]))


def gaps(disjoint: Sequence[Interval], window: Interval) -> list[Interval]:
    """The parts of a window that a union within it leaves free."""
    borders = [window[0], *(point for interval in disjoint for point in interval), window[1]]
    pairs = zip(borders[::2], borders[1::2], strict=True)
    return [(begin, end) for begin, end in pairs if end > begin]


def shared_times(intervals: Sequence[Interval]) -> list[float]:
    """The time of each interval, if those that run at once share each moment in equal parts. Their sum is the length of
    the union.
    """
    borders = sorted(
        [(begin, 1, number) for number, (begin, _) in enumerate(intervals)]
        + [(end, 0, number) for number, (_, end) in enumerate(intervals)]
    )
    times, running, since = [0.0] * len(intervals), set[int](), 0.0
    for now, begins, number in borders:
        for each in running:
            times[each] += (now - since) / len(running)
        since = now
        if begins:
            running.add(number)
        else:
            running.discard(number)
    return times
