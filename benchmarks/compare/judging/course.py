"""Where a comparison stands: its cases, which pair of which case comes next, and which verdicts are final.

Pairs of several cases are taken in turns, one pair of each case that is not decided. So a budget is spent evenly: a
case that comes last is not left without pairs. The cases reach their looks together, so the level that one of them
passes on goes to others that still have looks before them (`family`). And the pairs of a case are spread over the
whole time of the comparison, of which every part may have its own disturbance. What is warm, such as the files of the
data set and compiled kernels, is on disk and stays; every run has fresh processes in any case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from benchmarks.compare.document import Difference, Pair, RunFigures, StoppedBy, Verdict
from benchmarks.compare.judging.family import levels, passes_on
from benchmarks.compare.judging.procedure import Procedure, Turn

if TYPE_CHECKING:
    from benchmarks.compare.runs.stored import StoredSide


@dataclass
class CaseState:
    """One case.

    Attributes:
        base_stored, head_stored: a stored side; None for one that is measured.
        training_is_compared: whether losses or figures of the checks are known of both sides.
    """

    base_case: str
    head_case: str
    procedure: Procedure
    base_stored: StoredSide | None = None
    head_stored: StoredSide | None = None
    differences: list[Difference] = field(default_factory=list)
    training_changes: list[Difference] = field(default_factory=list)
    training_is_compared: bool = True

    @property
    def pairs(self) -> list[Pair]:
        """All pairs, repeated ones included."""
        return self.procedure.pairs

    @property
    def verdict(self) -> Verdict:
        """The final one, or that of the pairs so far."""
        return self.procedure.current()

    @property
    def stopped_by(self) -> StoppedBy | None:
        return self.procedure.stopped_by

    @property
    def closed(self) -> bool:
        """Whether no more pairs are measured now."""
        return self.stopped_by is not None

    @property
    def finished(self) -> bool:
        """Whether the verdict is final: an interrupted case can be resumed."""
        return self.closed and self.stopped_by != "interrupted"

    @property
    def decided(self) -> bool:
        """Whether the verdict claims something."""
        return self.finished and self.verdict.word in ("slower", "faster", "no slower")

    @property
    def passes_on(self) -> bool:
        """Whether its level is free for others."""
        return self.finished and passes_on(self.verdict, self.procedure.allowed)

    @property
    def unit(self) -> str:
        """What is measured next to next: pairs, or runs of one side."""
        return "pair" if self.base_stored is None and self.head_stored is None else "run"

    @property
    def count(self) -> int:
        """Pairs that count."""
        return len(self.procedure.counted)

    def runs(self, side: Literal["base", "head"]) -> list[RunFigures]:
        """The runs of a side that count."""
        stored = self.base_stored if side == "base" else self.head_stored
        if stored is not None:
            return stored.runs
        found = [pair.base if side == "base" else pair.head for pair in self.procedure.counted]
        return [run for run in found if run is not None]

    def samples_per_second(self, side: Literal["base", "head"]) -> float | None:
        """Geometric mean of the runs of a side."""
        rates = [run.samples_per_second for run in self.runs(side) if run.samples_per_second is not None]
        return math.exp(math.fsum(map(math.log, rates)) / len(rates)) if rates else None


@dataclass
class Course:
    """All cases.

    Attributes:
        alpha: error probability of all of them together.
    """

    cases: list[CaseState]
    alpha: float

    def next(self) -> tuple[CaseState, Turn] | None:
        """The case with the fewest pairs, and its next turn; None if all cases are closed."""
        turns = [(case, turn) for case in self.cases if (turn := case.procedure.next()) is not None]
        return min(turns, key=lambda each: each[1].number, default=None)

    def take(self, case: CaseState, pair: Pair) -> None:
        """Add a pair that was measured as `next` said, and look at what is due."""
        case.procedure.add(pair)
        self._judge(case)

    def stop(self, reason: Literal["budget", "interrupted"]) -> None:
        """End all cases that are open."""
        for case in self.cases:
            if not case.closed:
                case.procedure.stop(reason)
        if reason == "budget":
            for case in self.cases:
                self._judge(case)

    def fail(self, cause: str) -> None:
        """End all cases that are open: the sides are not what they were."""
        for case in self.cases:
            if not case.closed:
                case.procedure.stop("failure", cause)

    def _judge(self, case: CaseState) -> None:
        """Look at a case. If it passes its level on, the others have a higher one: those at a look are judged again."""
        waiting = [case]
        while waiting:
            each = waiting.pop()
            if each.stopped_by in ("failure", "interrupted") or each.decided:
                continue
            level = levels(self.alpha, [other.passes_on for other in self.cases])[self.cases.index(each)]
            if level is not None:
                each.procedure.look(level)
            if each.passes_on:
                waiting = [other for other in self.cases if not other.decided]
