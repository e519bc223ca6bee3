"""The procedure: which run comes next, which pairs count, when to look, when to stop.

It measures nothing: the command feeds it with pairs as they are measured, the self-test with simulated ones.

    while (turn := procedure.next()) is not None:
        procedure.add(measured(turn))
        procedure.look(alpha)

Why it keeps its promise: the order within each pair is random (`order`), so that without a difference the signs of the
log ratios are random, whatever the machine did; looks are taken at fixed numbers of pairs, at a level for all of them
together (`statistics`); repeats and the measure follow from machine verdicts alone, the end of the time from the clock;
the measure is chosen at the first look and kept, as a choice at each look would be a further chance to err.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from benchmarks.compare.document import Measure, Pair, ProcedureParameters, RunFigures, StoppedBy, Verdict
from benchmarks.compare.judging.judgement import Evidence
from benchmarks.compare.judging.order import head_first
from benchmarks.compare.judging.statistics import nominal_level
from benchmarks.compare.judging.verdict import failed_by_machine, failures, is_disturbed, measure_of, runs


class Turn(NamedTuple):
    """What to measure next. With a stored side: a run of the other one."""

    number: int
    attempt: int
    head_first: bool


class Procedure:
    """The comparison of one case, from its first pair to its verdict.

    `alpha` is the case's share of the error probability; `look` may raise it later (`family`). `stored` are the runs of
    a stored side; the pairs then have a run of the other side alone.
    """

    def __init__(
        self,
        parameters: ProcedureParameters,
        *,
        device: str,
        alpha: float,
        stored: Sequence[RunFigures] | None = None,
    ) -> None:
        self.alpha = alpha
        """Error probability of this case, all looks together."""
        self.stopped_by: StoppedBy | None = None
        self._parameters = parameters
        self._device = device
        self._stored = stored
        self._pairs: list[Pair] = []
        self._repeats = 0
        self._measure: Measure | None = None  # chosen at the first look
        self._final: Verdict | None = None

    @property
    def allowed(self) -> float:
        """The slow-down that is allowed, as a fraction."""
        return self._parameters.allowed_slowdown

    @property
    def pairs(self) -> list[Pair]:
        """All pairs in the order of time; `counted` is true for the last attempt of each number."""
        return list(self._pairs)

    @property
    def counted(self) -> list[Pair]:
        """The last attempt of each number."""
        return [pair for pair in self._pairs if pair.counted]

    def next(self) -> Turn | None:
        """The next turn; None if the procedure has stopped or has all its pairs."""
        if self.stopped_by is not None:
            return None
        number = len(self._pairs) - self._repeats + 1
        if self._repeat_is_due():
            return Turn(number - 1, self._pairs[-1].attempt + 1, self._pairs[-1].head_first)
        if number > self._parameters.max_pairs:
            return None
        return Turn(number, 1, head_first(self._parameters.seed, number, self._parameters.max_pairs))

    def add(self, pair: Pair) -> None:
        """Take a pair that was measured as `next` said. A failed run stops the procedure, unless it is repeated."""
        if pair.attempt > 1:
            self._repeats += 1
            self._pairs[-1] = msgspec.structs.replace(self._pairs[-1], counted=False)
        self._pairs.append(pair if pair.counted else msgspec.structs.replace(pair, counted=True))
        for run in runs(pair):
            if run.failure is not None and not (failed_by_machine(run) and self._repeat_is_due()):
                self.stop("failure", _cause(pair))
                return
        if self._measure is None and self.look_is_due():
            self._measure = measure_of(self.counted, self._device)

    def look_is_due(self) -> bool:
        """Whether the pairs so far are those of a look."""
        return len(self._pairs) - self._repeats in self._parameters.looks and not self._repeat_is_due()

    def look(self, alpha: float) -> Verdict:
        """The verdict, if a look is due; else what `current` returns. A look that settles the verdict stops.

        A verdict stays, but one that the last look left undecided is judged again if `alpha` has grown.
        """
        if self.stopped_by is None and self.look_is_due():
            self.alpha = max(alpha, self.alpha)
            evidence = self._evidence()
            if evidence.settled:
                self.stopped_by = "settled"
            elif len(self.counted) == self._parameters.max_pairs:
                self.stopped_by = "max_pairs"
            if self.stopped_by is not None:
                self._final = evidence.verdict()
        elif self.stopped_by in ("max_pairs", "budget") and self.current().word == "cannot tell" and alpha > self.alpha:
            self.alpha = alpha
            self._final = self._evidence().verdict()
        return self.current()

    def current(self) -> Verdict:
        """The final verdict; before, "cannot tell" with the figures so far."""
        return self._final or self._evidence().open_verdict("not finished")

    def stop(self, reason: Literal["budget", "interrupted", "failure"], cause: str = "") -> Verdict:
        """End it before its last look; returns the final verdict. `cause` says what failed.

        The end of the time takes the place of the next look, but a pair that failed and cannot be repeated any more
        fails the case. An interruption is no look, as a person may have chosen its moment by the figures: only a look
        after `--resume` decides.
        """
        if reason == "budget" and self._pairs and failures(self._pairs[-1]):
            reason, cause = "failure", f"{_cause(self._pairs[-1])}; no time is left to repeat it"
        if self._final is None:
            self.stopped_by = reason
            if reason == "failure":
                self._final = self._evidence().failure(cause)
            elif reason == "interrupted":
                self._final = self._evidence().open_verdict("interrupted")
            else:
                self._final = self._evidence().verdict()
        return self._final

    def _repeat_is_due(self) -> bool:
        """Whether the machine disturbed the last pair and the limits allow another attempt.

        A pair whose last attempt was disturbed as well shows that the machine is busy throughout: no pair is repeated
        after it.
        """
        if not self._pairs or self._repeats >= self._parameters.max_repeats:
            return False
        last, attempts = self._pairs[-1], self._parameters.max_attempts
        if any(pair.attempt >= attempts and is_disturbed(pair) for pair in self._pairs):
            return False
        return last.attempt < attempts and is_disturbed(last)

    def _evidence(self) -> Evidence:
        counted = self.counted
        return Evidence(
            counted,
            nominal_level(tuple(self._parameters.looks), self.alpha),
            alpha=self.alpha,
            measure=self._measure or measure_of(counted, self._device),
            allowed=self.allowed,
            stored=self._stored,
            drift=self._parameters.stored_drift,
        )


def _cause(pair: Pair) -> str:
    side, failure = failures(pair)[0]
    return f"{side} failed in pair {pair.number}: {failure}"
