"""Comparisons as tests: `pytest benchmarks --ocr-compare rev:main` compares each selected speed case.

Head is the working tree, base the given side; both get the other options of this pytest. What a case needs to run is
checked by the tests as ever; here everything else is, before the first case.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from msgspec import structs

from benchmarks.cases import Case
from benchmarks.compare import comparison, files
from benchmarks.compare.document import FOLDER, CaseComparison, Comparison, ProcedureParameters, RatioInterval
from benchmarks.compare.errors import SideError
from benchmarks.compare.files import ComparisonFiles, FolderError
from benchmarks.compare.judging.family import level_in_turn, passes_on
from benchmarks.compare.opening import Sides, machine_of, open_sides
from benchmarks.compare.outcome import is_bad
from benchmarks.compare.question import ALPHA, Question, QuestionError, question
from benchmarks.compare.report.table import (
    HEADINGS,
    NUMERIC,
    aligned,
    findings,
    question_line,
    row,
    sides,
)
from benchmarks.compare.report.wording import case_title, verdict_word
from benchmarks.compare.runs.stored import STORED_DRIFT
from benchmarks.harness.controller.gpus import missing_gpus
from benchmarks.harness.protocol.records import Failure
from benchmarks.harness.protocol.settings import Settings
from benchmarks.harness.report.tables import table
from benchmarks.harness.results.common import describe_failure
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.reading import DocumentError
from benchmarks.harness.results.redaction import redact

LEAST_MINUTES = 0.01

PROPERTIES = ("verdict", "verdict_in_words", "ratio", "ratio_low", "ratio_high", "cpu_ratio", "pairs", "measure")
"""For JUnit. Those of an earlier comparison of the same test are replaced."""

AGAIN = "its test ran {count} times: this is the last comparison; each has an error probability of its own"

Say = Callable[[str], None]


@dataclass
class Comparisons:
    """The comparisons of a pytest session, one case after the other.

    Attributes:
        questions: of the cases that can run here.
        sides: open; None if no case can run.
        folder: of the documents.
        documents: of the cases so far, with their files: the last one of a test that is run again.
        seconds: measured so far, also for documents that were replaced.
        counts: comparisons of each case.
    """

    settings: Settings
    questions: dict[Case, Question]
    sides: Sides | None
    folder: Path
    say: Say
    documents: dict[Case, tuple[Comparison, Path]] = field(default_factory=dict)
    seconds: float = 0.0
    counts: Counter[Case] = field(default_factory=Counter)

    def judge(self, case: Case, item: pytest.Item) -> None:
        """Compare a case as a test does: the test passes, is skipped, fails or is interrupted with it."""
        if (reason := missing_gpus(case)) is not None:
            if self.settings.require:
                pytest.fail(describe_failure(Failure("no_gpu", reason)), pytrace=False)
            pytest.skip(reason)
        self.documents.pop(case, None)
        done, path = self.documents[case] = self._compared(case)
        self.seconds += done.measuring_seconds
        self.counts[case] += 1
        (found,) = done.cases
        properties = _properties(found, done.procedure)
        item.user_properties[:] = [each for each in item.user_properties if each[0] not in PROPERTIES] + properties
        if found.stopped_by == "interrupted":
            raise KeyboardInterrupt(str(case))
        sentence = printable(redact(found.verdict.sentence))
        if is_bad(found, strict=self.settings.strict_compare):
            pytest.fail(f"{sentence} [{path.name}]", pytrace=False)
        self.say(f"{case}: {sentence} [{path.name}]")

    @property
    def lines(self) -> list[str]:
        """Everything that a reader needs at the end; empty without a comparison."""
        if not self.documents:
            return []
        done = [document for document, _ in self.documents.values()]
        lines = aligned([*sides(done[-1]), ("question", question_line(done[-1].procedure))])
        lines += ["", *table([HEADINGS, *(row(document.cases[0], document) for document in done)], NUMERIC)]
        for of_case, (document, path) in self.documents.items():
            (case,) = document.cases
            found = findings(case, document)
            if (count := self.counts[of_case]) > 1:
                found.append(("note", AGAIN.format(count=count)))
            found.append(("document", f"{path.parent.name}/{path.name}"))
            lines += ["", f"{case_title(case)}: {verdict_word(case, document.procedure)}", *aligned(found, "  ")]
        return [printable(redact(line)) for line in lines]

    def _compared(self, case: Case) -> tuple[Comparison, Path]:
        asked = self._question(case)
        assert self.sides is not None
        sides = replace(self.sides, machine=machine_of(asked))
        name = files.default_name([asked.names[0][0]], asked.base.given, asked.head.given)
        found = ComparisonFiles(self.folder, name, datetime.now(timezone.utc))
        record = sides.record(asked, found)
        record.resumable = False
        try:
            return comparison.measure(asked, found, sides, record, self.say), found.document
        except (OSError, DocumentError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            pytest.fail(f"--ocr-output: {found.document.name} cannot be written: {reason}", pytrace=False)

    def _question(self, case: Case) -> Question:
        """With its part of the error probability and of the time that are left."""
        asked, parameters = self.questions[case], self.questions[case].parameters
        earlier = [document for document, _ in self.documents.values()]
        passed_on = [passes_on(each.cases[0].verdict, parameters.allowed_slowdown) for each in earlier]
        budget = self.settings.budget_minutes
        if budget is not None:
            left = budget - self.seconds / 60
            budget = max(LEAST_MINUTES, round(left / (len(self.questions) - len(earlier)), 2))
        alpha = level_in_turn(ALPHA, len(self.questions), passed_on)
        return replace(asked, parameters=structs.replace(parameters, alpha=alpha, budget_minutes=budget))


@contextmanager
def comparisons(
    settings: Settings, cases: Sequence[Case], options: Sequence[str], source: str, say: Say
) -> Iterator[Comparisons]:
    """The comparisons of these cases; both sides are open as long as the block lasts.

    Args:
        settings: of this pytest.
        cases: that are selected.
        options: of both sides.
        source: of the side, for messages.
        say: prints a line among pytest's dots.

    Raises:
        pytest.UsageError: if something cannot be compared.
        KeyboardInterrupt: by SIGTERM and SIGHUP, too.
    """

    def say_safely(line: str) -> None:
        say(printable(redact(line)))

    folder = settings.output / FOLDER
    runnable = [case for case in dict.fromkeys(cases) if missing_gpus(case) is None]
    with ExitStack() as stack:
        try:
            questions = {case: question(_given(settings, case, options)) for case in runnable}
            made = Comparisons(settings, questions, None, folder, say_safely)
            if questions:
                asked = _together(list(questions.values()))
                stack.enter_context(files.held(folder))
                made.sides = stack.enter_context(open_sides(asked, settings.output))
        except QuestionError as error:
            raise pytest.UsageError(f"{source}: {str(error).partition(': ')[2]}") from None
        except SideError as error:
            raise pytest.UsageError(f"{source}: {error}") from None
        except FolderError as error:
            raise pytest.UsageError(f"--ocr-output: {error}") from None
        yield made


def _together(questions: Sequence[Question]) -> Question:
    """What both sides are opened for."""
    base, count = questions[0].base, len(questions)
    if count > 1 and (base.case is not None or base.stored is not None):
        raise SideError(f"{base.given[0]} is compared in one case at a time, and {count} are selected")
    return replace(questions[0], cases=[each.cases[0] for each in questions])


def _given(settings: Settings, case: Case, options: Sequence[str]) -> argparse.Namespace:
    """The command line of `python -m benchmarks.compare` that asks the same of one case."""
    return argparse.Namespace(
        base=[settings.compare],
        head=["."],
        case=[str(case)],
        common_options=list(options),
        max_slowdown=settings.max_slowdown,
        max_pairs=settings.max_pairs,
        budget=settings.budget_minutes,
        seed=None,
        stored_drift=STORED_DRIFT,
        full=settings.profile_loader,  # light runs have no loader profile
    )


def _properties(case: CaseComparison, procedure: ProcedureParameters) -> list[tuple[str, object]]:
    """For JUnit."""
    verdict = case.verdict
    found: dict[str, object] = {"verdict": verdict.word, "pairs": sum(pair.counted for pair in case.pairs)}
    found["verdict_in_words"] = verdict_word(case, procedure)
    if verdict.wall is not None:
        found |= _ratios(verdict.wall)
    if verdict.cpu is not None:
        found["cpu_ratio"] = verdict.cpu.ratio
    if verdict.rests_on:
        found["measure"] = " and ".join(verdict.rests_on)
    return list(found.items())


def _ratios(interval: RatioInterval) -> dict[str, object]:
    return {"ratio": interval.ratio, "ratio_low": interval.low, "ratio_high": interval.high}
