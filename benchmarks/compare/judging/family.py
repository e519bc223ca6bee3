"""Share of the error probability that each of several cases gets."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.compare.document import Verdict


def levels(alpha: float, passed_on: Sequence[bool]) -> list[float | None]:
    """Level of each case that has not passed its level on; None for those that have.

    For cases that are measured side by side. `passed_on` says of each whether `passes_on` is true. Each case starts
    with alpha / number of cases; one that passes its level on gives it in equal parts to those that have not: Holm's
    procedure, with conclusions that have a direction (Shaffer, 1980). The levels of the cases that can still err, or
    have spent their level, always add up to alpha.
    """
    left = sum(not passed for passed in passed_on)
    return [None if passed else alpha / left for passed in passed_on]


def level_in_turn(alpha: float, count: int, passed_on: Sequence[bool]) -> float:
    """Level of the next of `count` cases, each of which is judged before the next one begins and never again.

    `passed_on` says of each earlier case whether `passes_on` was true. Each case starts with alpha / count. One that
    passes its level on gives it in equal parts to all after it; the level of any other stays where it was spent.

    This is a graph of levels (Bretz, Maurer, Brannath and Posch, 2009) whose edges go forward only, as in the fallback
    procedure of Wiens (2003): nothing comes back to a case that was judged. The levels of the cases that have not
    passed theirs on never add up to more than alpha. If the truth of a case is an edge, its interval misses the truth
    whenever it passes on; so until the first miss only other cases have, and the levels of those at an edge add up to
    alpha or less. Between the edges only a claim in the wrong direction is wrong (Shaffer, 1980).
    """
    shares = [alpha / count] * count
    for index, passes in enumerate(passed_on):
        later = range(index + 1, count)
        for other in later if passes else ():
            shares[other] += shares[index] / len(later)
    return shares[min(len(passed_on), count - 1)]


def passes_on(verdict: Verdict, allowed: float) -> bool:
    """Whether a verdict rests on intervals that contain neither edge: equal speed, and a loss of just what is allowed.

    A verdict alone is not enough. Of two equal sides, "no slower" is true and nearly always found, but the same
    interval can still wrongly say "faster": its level is spent.
    """
    found = [{"wall": verdict.wall, "cpu": verdict.cpu}[measure] for measure in verdict.rests_on]
    claims = verdict.word in ("slower", "faster", "no slower") and bool(found)
    edges = (1.0, 1.0 - allowed)
    return claims and all(
        each is not None and not any(each.low <= edge <= each.high for edge in edges) for each in found
    )
