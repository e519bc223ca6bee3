"""The section of comparisons in the page of an output folder (`FOLDER_SECTIONS` of the page names it).

It is written at the end of each session, so nothing here loads the statistics: a document has its verdicts.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import nlargest
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.compare.document import FOLDER, CaseComparison, Comparison, RatioInterval, Word
from benchmarks.compare.judging.percentages import percent
from benchmarks.compare.report.wording import MEASURES, case_title, interval, verdict_word
from benchmarks.harness.report.page.folder import Folder
from benchmarks.harness.report.page.interval_chart import Interval, intervals
from benchmarks.harness.report.page.quantities import amount, shown
from benchmarks.harness.report.page.sections import Cell, Chart, Lines, Note, Section, Table, Tone
from benchmarks.harness.results.printable import shorten
from benchmarks.harness.results.reading import MAX_BYTES
from ocr_models.errors import DataError
from ocr_models.files import read_regular_file

HEADING = "Comparisons"
MAX_DOCUMENTS = 100
MAX_TOTAL_BYTES = 16 * 2**20
MAX_ROWS = 100
MAX_BARS = 12
"""In one chart."""

MAX_CHARTS = 6
MAX_NOTES = 6
MAX_COMMANDS = 6
LIMITS = (0.5, 1.5)
"""Of the axis of a chart, as ratios: an interval of two pairs may end anywhere."""

QUESTION = "Question: does the head train slower than the base? A change of -5 % means 5 % fewer samples per second."
TONES: dict[Word, Tone] = {"slower": "bad", "failed": "bad", "cannot tell": "warning", "faster": "good"}
_EARLIER = re.compile(r"(.*)\.\d+", re.DOTALL)
_DECODER = msgspec.json.Decoder(Comparison)


class Compared(NamedTuple):
    """A case, and the comparison that it is of."""

    case: CaseComparison
    comparison: Comparison


def comparisons_section(folder: Folder) -> Section:
    """All comparisons of an output folder, the latest first; empty without one."""
    documents, notes = _documents(folder.output / FOLDER)
    return section(documents, notes)


def section(documents: Sequence[Comparison], notes: Sequence[Note] = ()) -> Section:
    """Of these documents."""
    latest = sorted(documents, key=lambda each: each.updated_at, reverse=True)
    found = [Compared(case, comparison) for comparison in latest for case in comparison.cases]
    if not found:
        return Section(HEADING, notes=notes)
    more = [*_sentences(found), *notes]
    if len(found) > MAX_ROWS:
        more.append(Note(f"The table has the latest {MAX_ROWS} of {len(found)} compared cases.", "muted"))
    summary = _summary(found)
    return Section(
        HEADING,
        notes=[Note(f"{summary} {QUESTION}"), *more],
        charts=_charts(found),
        tables=[_table(found[:MAX_ROWS]), _sides(latest[:MAX_ROWS])],
        texts=[_commands(latest[:MAX_COMMANDS])],
        summary=summary,
    )


def _documents(folder: Path) -> tuple[list[Comparison], list[Note]]:
    """The latest documents, without those that a later comparison of their name has replaced; and what is missing."""
    found, notes, total = [], [], 0
    try:
        paths = [path for path in folder.glob("*.json") if not path.name.startswith(".")]
        paths = nlargest(MAX_DOCUMENTS + 1, paths, key=lambda path: path.lstat().st_mtime)
    except OSError:
        return [], []
    for path in paths[:MAX_DOCUMENTS]:
        try:
            content = read_regular_file(path, min(MAX_BYTES, MAX_TOTAL_BYTES - total))
            comparison = _DECODER.decode(content)
        except (DataError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = " ".join(str(error).split()).replace(f"{folder}/", "")
            notes.append(Note(f"{path.name} cannot be shown: {shorten(reason, 200)}", "warning"))
            continue
        total += len(content)
        if not _is_replaced(path, comparison):
            found.append(comparison)
    if len(paths) > MAX_DOCUMENTS:
        notes.append(Note(f"Only the latest {MAX_DOCUMENTS} documents of {FOLDER}/ were read.", "muted"))
    return found, notes[: MAX_NOTES + 1]


def _is_replaced(path: Path, comparison: Comparison) -> bool:
    """Whether a later comparison of this name renamed it, "name.1.json"."""
    numbered = _EARLIER.fullmatch(path.stem)
    return numbered is not None and numbered.group(1) == comparison.name and path.stem != comparison.name


def _summary(found: Sequence[Compared]) -> str:
    words = Counter(_word(each) for each in found)
    counts = ", ".join(f"{count} {word}" for word, count in words.most_common())
    cases = f"{len(found)} compared case{'' if len(found) == 1 else 's'}"
    return f"{cases}: {counts}."


def _sentences(found: Sequence[Compared]) -> Iterator[Note]:
    """Of the cases that somebody has to look at, their verdicts in words."""
    loud = [each for each in found if each.case.verdict.word in ("slower", "failed")]
    for each in loud[:MAX_NOTES]:
        yield Note(f"{case_title(each.case)}: {each.case.verdict.sentence}", "bad")
    if len(loud) > MAX_NOTES:
        yield Note(f"{len(loud) - MAX_NOTES} more are slower or failed: see the table.", "bad")
    for each in [each for each in found if each.case.training_changes][:MAX_NOTES]:
        count = len(each.case.training_changes)
        differ = "1 figure differs" if count == 1 else f"{count} figures differ"
        text = f"the sides compute different things ({differ}), so their speeds do not answer the question"
        yield Note(f"{case_title(each.case)}: {text}", "warning")


def _charts(found: Sequence[Compared]) -> list[Chart]:
    """One for each allowed slow-down, as the band is the same for all bars of a chart."""
    charts: dict[tuple[float, str], list[Interval]] = {}
    for each in found:
        measure, ratio = _judged(each)
        if ratio is not None:
            key = (each.comparison.procedure.allowed_slowdown, measure)
            charts.setdefault(key, []).append(_bar(each, ratio))
    return [_chart(*key, bars) for key, bars in list(charts.items())[:MAX_CHARTS]]


def _chart(allowed: float, measure: str, bars: Sequence[Interval]) -> Chart:
    shown_bars = bars[:MAX_BARS]
    which = "" if len(bars) == len(shown_bars) else f", the latest {MAX_BARS} of {len(bars)}"
    return intervals(
        f"Ratio head / base of {measure}{which}",
        "Left of 1 the head is slower. A bar that is entirely right of the left end of the band is no slower than "
        "allowed; one that is entirely left of it is slower; others cannot tell.",
        shown_bars,
        x_label="head / base",
        band=(1 - allowed, 1.0, f"allowed: up to {percent(allowed)} slower"),
        level=(1.0, "1: equally fast"),
        limits=LIMITS,
    )


def _bar(each: Compared, ratio: RatioInterval) -> Interval:
    text = f"{shown(ratio.ratio)} ({shown(ratio.low)} to {shown(ratio.high)})"
    emphasised = each.case.verdict.word != "cannot tell"
    return Interval(case_title(each.case), ratio.low, ratio.ratio, ratio.high, text, emphasised)


def _judged(each: Compared) -> tuple[str, RatioInterval | None]:
    """What the verdict rests on: the clock, unless it rests on CPU seconds alone. A failed case has nothing."""
    verdict = each.case.verdict
    if verdict.word == "failed":
        return "", None
    if verdict.rests_on == ["cpu"] or verdict.wall is None:
        return MEASURES["cpu"], verdict.cpu
    return MEASURES["wall"], verdict.wall


def _table(found: Sequence[Compared]) -> Table:
    return Table(
        "The verdict of each case, the latest first",
        (
            *("case", "verdict", "in words", "change (%)", "base samples/s", "head samples/s", "pairs"),
            "measured (UTC)",
        ),
        [_cells(each) for each in found],
        sortable=True,
    )


def _cells(each: Compared) -> list[Cell]:
    case, comparison = each
    wall = None if case.verdict.word == "failed" else case.verdict.wall
    pairs = sum(pair.counted for pair in case.pairs)
    repeated = f" ({len(case.pairs) - pairs} repeated)" if len(case.pairs) > pairs else ""
    return [
        Cell(case_title(case)),
        Cell(_word(each), tone=TONES.get(case.verdict.word, "")),
        Cell(case.verdict.sentence, is_sentence=True),
        amount(None if wall is None else wall.ratio, interval(wall)),
        amount(case.base_samples_per_second),
        amount(case.head_samples_per_second),
        amount(pairs, f"{pairs}{repeated}"),
        _measured(comparison),
    ]


def _measured(comparison: Comparison) -> Cell:
    return Cell(f"{comparison.updated_at:%Y-%m-%d %H:%M}", comparison.updated_at.timestamp())


def _sides(comparisons: Sequence[Comparison]) -> Table:
    rows = [
        [
            _measured(each),
            Cell(each.base.title, is_sentence=True),
            Cell(each.head.title, is_sentence=True),
            Cell(", ".join(map(case_title, each.cases)), is_sentence=True),
        ]
        for each in comparisons
    ]
    return Table("The sides of each comparison", ("measured (UTC)", "base", "head", "cases"), rows)


def _commands(comparisons: Sequence[Comparison]) -> Lines:
    title = "To repeat a comparison (--help explains the procedure)"
    return Lines(title, list(map(repeat_command, comparisons)), wrapped=True)


def repeat_command(comparison: Comparison) -> str:
    """The command that takes other pairs of the same sides, with the options that decide what is asked."""
    asked = comparison.procedure
    words = ["python", "-m", "benchmarks.compare"]
    for option, side in (("--base", comparison.base), ("--head", comparison.head)):
        words += [word for given in side.given for word in (option, given)]
    words += _asked_cases(comparison)
    words += ["--max-slowdown", f"{100 * asked.allowed_slowdown:g}%", "--max-pairs", str(asked.max_pairs)]
    if asked.budget_minutes is not None:
        words += ["--budget", f"{asked.budget_minutes:g}"]
    if asked.full:
        words.append("--full")
    return shlex.join([*words, "--", *asked.common_options])


def _asked_cases(comparison: Comparison) -> list[str]:
    """A side that has a case of its own (`case:NAME`) leaves only that of the other side to `--case`."""
    base, head = (any(text.startswith("case:") for text in side.given) for side in (comparison.base, comparison.head))
    if base and head:
        return []
    return ["--case", *(case.head_case if base else case.base_case for case in comparison.cases)]


def _word(each: Compared) -> str:
    return verdict_word(each.case, each.comparison.procedure)
