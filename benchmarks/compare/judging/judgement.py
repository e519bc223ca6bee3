"""From pairs to a verdict with its intervals and its sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from benchmarks.compare.document import Measure, Pair, RatioInterval, RunFigures, Verdict, Word
from benchmarks.compare.judging.sentences import ONE_ORDER, TWO_PAIRS, sentence
from benchmarks.compare.judging.statistics import Interval, paired_interval, pairs_needed, unpaired_interval
from benchmarks.compare.judging.verdict import contradictory, judge, settled

LEAST_PAIRS = 3
"""With two, a coin has no part: they have opposite orders, or show nothing. t then only holds for normal noise."""


class Evidence:
    """The intervals that the counted pairs give at one level, and what follows from them."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        level: float,
        *,
        alpha: float,
        measure: Measure,
        allowed: float,
        stored: Sequence[RunFigures] | None,
        drift: float,
    ) -> None:
        self.alpha = alpha
        self.allowed = allowed
        self.measure = measure
        self.stored = stored is not None
        self.wall: Interval | None
        self.cpu: Interval | None = None
        if stored is None:
            valid = [pair for pair in pairs if pair.ratio is not None]  # the others were disturbed and have no result
            self.wall = paired_interval([math.log(pair.ratio) for pair in valid if pair.ratio is not None], level)
            ratios = [pair.cpu_ratio for pair in valid if pair.cpu_ratio is not None]
            if len(ratios) == len(valid):
                self.cpu = paired_interval([math.log(ratio) for ratio in ratios], level)
        else:
            self.wall = _against_stored(pairs, stored, level, drift)
        self.objection = "" if stored is not None else _objection(pairs)
        """Why the pairs show nothing, whatever their intervals."""

    @property
    def settled(self) -> bool:
        """Whether more pairs are not needed."""
        return not self.objection and settled(self.wall, self.cpu, allowed=self.allowed, measure=self.measure)

    def verdict(self) -> Verdict:
        """The verdict on these intervals."""
        word, rests_on = judge(self.wall, self.cpu, allowed=self.allowed, measure=self.measure)
        return self._verdict("cannot tell" if self.objection else word, rests_on, self.objection)

    def open_verdict(self, remark: str) -> Verdict:
        """No verdict, with the figures so far and a remark."""
        _, rests_on = judge(self.wall, self.cpu, allowed=self.allowed, measure=self.measure)
        verdict = self._verdict("cannot tell", rests_on)
        return structs.replace(verdict, sentence=f"{verdict.sentence}; {remark}")

    def failure(self, cause: str) -> Verdict:
        """A failed side: no figures are judged."""
        return structs.replace(self._verdict("cannot tell", []), word="failed", pairs_needed=None, sentence=cause)

    def _verdict(self, word: Word, rests_on: list[Measure], objection: str = "") -> Verdict:
        needed = self._pairs_needed() if word == "cannot tell" else None
        text = sentence(
            word,
            rests_on,
            self.wall,
            self.cpu,
            allowed=self.allowed,
            needed=needed,
            stored=self.stored,
            objection=objection,
        )
        return Verdict(
            word=word,
            rests_on=rests_on,
            wall=_ratios(self.wall),
            cpu=_ratios(self.cpu),
            pairs_needed=needed,
            sentence=text,
        )

    def _pairs_needed(self) -> int | None:
        """By the measure that needs the most: "no slower" needs them all.

        None if no number helps: a stored side does not become stronger, and two measures may contradict each other.
        """
        used = [self.wall, self.cpu] if self.measure == "cpu" else [self.wall]
        known = [interval for interval in used if interval is not None]
        if self.stored or not known or contradictory(self.wall, self.cpu, allowed=self.allowed):
            return None
        needed = max(pairs_needed(interval.deviation, self.allowed, self.alpha) for interval in known)
        return max(needed, known[0].count + 1)


def _objection(pairs: Sequence[Pair]) -> str:
    if len({pair.head_first for pair in pairs}) == 1:
        return ONE_ORDER
    return TWO_PAIRS if len(pairs) < LEAST_PAIRS else ""


def _against_stored(pairs: Sequence[Pair], stored: Sequence[RunFigures], level: float, drift: float) -> Interval | None:
    base = [pair.base for pair in pairs if pair.base is not None]
    head = [pair.head for pair in pairs if pair.head is not None]
    if not base and not head:
        return None
    found = unpaired_interval(_logs(base or stored), _logs(head or stored), level, drift)
    return None if found is None else replace(found, count=len(_logs(base or head)))


def _logs(runs: Sequence[RunFigures]) -> list[float]:
    return [math.log(run.samples_per_second) for run in runs if run.samples_per_second is not None]


def _ratios(interval: Interval | None) -> RatioInterval | None:
    if interval is None:
        return None
    ratio, low, high = (math.exp(max(-700.0, min(700.0, x))) for x in (interval.mean, interval.low, interval.high))
    return RatioInterval(
        ratio=ratio,
        low=low,
        high=high,
        pair_deviation=interval.deviation,
        pairs=interval.count,
        level=interval.level,
    )
