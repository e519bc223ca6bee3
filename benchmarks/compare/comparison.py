"""The loop: measures pair after pair until the question is answered, or something ends it before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.compare import resume
from benchmarks.compare.document import Comparison, Pair
from benchmarks.compare.errors import SideError
from benchmarks.compare.files import ComparisonFiles, public, write
from benchmarks.compare.judging.course import CaseState
from benchmarks.compare.judging.procedure import Turn
from benchmarks.compare.opening import Sides, open_sides
from benchmarks.compare.question import Question
from benchmarks.compare.record import Record
from benchmarks.compare.report.progress import (
    least_seconds,
    opening_lines,
    pair_line,
    seconds_of,
    time_line,
    verdict_line,
)
from benchmarks.harness.controller.commands import Interruption
from benchmarks.harness.controller.termination import handled


@dataclass
class Comparing:
    """A comparison that is measured.

    Attributes:
        record: where it stands; changed by the loop.
        measure: measures a pair (`measuring.PairRunner`).
        save: writes the document; called after each pair, and at the end.
        say: prints a line.
        interruption: of the comparison; `measure` obeys it as well.
    """

    record: Record
    measure: Callable[[CaseState, Turn], Pair]
    save: Callable[[], None]
    say: Callable[[str], None]
    interruption: Interruption

    def run(self) -> None:
        """Measure until all verdicts are final, or until an interruption.

        Raises:
            OSError: if something cannot be written. The document of the pair before is complete.
        """
        course = self.record.course
        while (planned := course.next()) is not None:
            if self.interruption.came:
                course.stop("interrupted")
            elif not self._fits(planned[0]):
                course.stop("budget")
            else:
                self._pair(*planned)
        self.save()

    def _pair(self, case: CaseState, turn: Turn) -> None:
        record, start = self.record, time.monotonic()
        try:
            pair = self.measure(case, turn)
        except KeyboardInterrupt:
            record.measuring_seconds += time.monotonic() - start
            record.course.stop("interrupted")
            return
        except SideError as error:
            record.measuring_seconds += time.monotonic() - start
            if self.interruption.came:  # which may have ended what a side was asked
                record.course.stop("interrupted")
            else:
                record.course.fail(str(error))
            return
        record.measuring_seconds += seconds_of(pair)
        finished = [each for each in record.course.cases if each.finished]
        record.course.take(case, pair)
        self.save()
        cases = record.course.cases
        parts = [pair_line(case, pair, cases, record.parameters)]
        self.say("; ".join([*parts, time_line(cases, record.parameters, record.measuring_seconds)]))
        for each in cases:
            if each.finished and each not in finished and len(cases) > 1:
                self.say(verdict_line(each))

    def _fits(self, case: CaseState) -> bool:
        """Whether the next pair of a case may end within the budget, by what is known of it."""
        record, minutes = self.record, self.record.parameters.budget_minutes
        if minutes is None:
            return True
        spent, seconds = record.measuring_seconds, 60 * minutes
        return spent < seconds and spent + least_seconds(case, record.course.cases, record.parameters) <= seconds


def perform(
    asked: Question, files: ComparisonFiles, earlier: Comparison | None, say: Callable[[str], None], title: str
) -> Comparison:
    """Open the sides, and measure until the question is answered or something ends it.

    Args:
        asked: the question.
        files: of this comparison, whose folder nobody else uses.
        earlier: the document to continue; None to begin. If it is finished, it is the result of the same question.
        say: prints a line.
        title: the first line, once the sides can be used.

    Raises:
        SideError: before anything was measured, if a side cannot be used.
        ResumeError: if a side is not the earlier one. The document stays as it was, or has complete pairs.
        KeyboardInterrupt: while the sides were opened or closed.
        OSError, DocumentError: if a file cannot be written. The document that was written last is complete.
    """
    if earlier is not None:
        resume.check_question(earlier, asked.names, asked.parameters)
    with open_sides(asked, files.folder.parent) as sides:
        record = sides.record(asked, files)
        if earlier is not None:
            resume.check_sides(earlier, record.base, record.head, record.machine)
            if earlier.finished:
                say(title)
                say("it is finished: there is nothing to resume")
                return earlier
            resume.replay(earlier, record.course)
            record.continue_from(earlier)
        say(title)
        return measure(asked, files, sides, record, say, earlier)


def measure(
    asked: Question,
    files: ComparisonFiles,
    sides: Sides,
    record: Record,
    say: Callable[[str], None],
    earlier: Comparison | None = None,
) -> Comparison:
    """Measure with open sides, from where the record stands, until the question is answered or something ends it.

    Raises:
        ResumeError: if the new runs show that a side is not that of the earlier part.
        OSError: if a file cannot be written. The document that was written last is complete.
    """
    if earlier is None and (kept := files.keep_earlier()) is not None:
        say(f"an earlier comparison of this name is now {kept.name}")
    interruption = Interruption()

    def save() -> None:
        write(files.document, record.document())

    def measured(case: CaseState, turn: Turn) -> Pair:
        try:
            pair = runner(case, turn)
        except SideError as error:
            if earlier is not None and _count(record) == sum(len(each.pairs) for each in earlier.cases):
                raise resume.ResumeError(str(error)) from None  # the earlier part is as good as before
            raise
        if earlier is not None:
            resume.check_runs(earlier, pair, files.folder)
        return pair

    runner = sides.runner(asked, files, interruption)

    with handled(interruption.note):
        save()
        for line in opening_lines(record.document(), earlier is not None):
            say(line)
        Comparing(record, measured, save, say, interruption).run()
        return public(record.document())


def _count(record: Record) -> int:
    """Of all pairs."""
    return sum(len(case.pairs) for case in record.course.cases)
