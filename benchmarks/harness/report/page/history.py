"""The section on history: what changed since the last run of each case, and its results over its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.harness.report.page import charts
from benchmarks.harness.report.page.drawing import Line, Point
from benchmarks.harness.report.page.folder import Folder
from benchmarks.harness.report.page.history_runs import (
    LEAST_EARLIER,
    CaseHistory,
    HistoryRun,
    case_histories,
    is_disturbed,
)
from benchmarks.harness.report.page.quantities import MISSING, amount, shown, unit_of
from benchmarks.harness.report.page.sections import Cell, Chart, Note, Section, Table, Tone
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.formats import SPEED
from benchmarks.harness.results.history import HISTORY, VERSIONS, HistoryLine, short_revision
from benchmarks.harness.results.history_file import History, read
from benchmarks.harness.results.machine_key import FIELDS
from benchmarks.harness.results.printable import shorten

HEADING = "History"
MAX_BYTES = 2 * 2**20
"""Of the end of a history: about 2,000 lines. The session ends no more than a tenth of a second later for them."""

MAX_ROWS, MAX_CHARTS, MAX_TABLE = 200, 12, 10
MAX_TEXT = 200
ROOM = 4
"""Runs between two names of marks, so that they do not cover each other."""


def history_section(folder: Folder) -> Section:
    """Of `history.jsonl` in the output folder; empty without a case that ran twice."""
    path = folder.output / HISTORY
    if not path.is_file():
        return Section(HEADING)
    anchors = {details_of(case.artifact).run_id: case.anchor for case in folder.cases}
    return section(read([path], last_bytes=MAX_BYTES), anchors)


def section(history: History, anchors: Mapping[str, str]) -> Section:
    """`anchors`: run -> where its case is on the page."""
    found = case_histories(history.lines)
    if not found:
        return Section(HEADING)
    notes = [*_notes(found), *_left_out(found, history)]
    return Section(
        HEADING,
        summary=notes[0].text,
        notes=notes,
        charts=[_chart(case) for case in found[:MAX_CHARTS]],
        tables=[_table(found[:MAX_ROWS], anchors)],
    )


def _notes(found: Sequence[CaseHistory]) -> Iterator[Note]:
    """What changed since the last run, in a sentence, and what its words mean."""
    failed = sum(bool(case.last.line.JOB_FAIL_FLAG) for case in found)
    unusual = sum(case.is_unusual for case in found)
    changed = sum(bool(case.last.change.conditions) for case in found)
    few = sum(case.has_few_earlier for case in found)
    cases = f"{len(found)} case{'' if len(found) == 1 else 's'} ran more than once"
    parts = [
        *([f"the last run of {failed} failed"] if failed else []),
        *([f"the last result of {unusual} is unusual"] if unusual else []),
        *([f"machine, versions or settings of {changed} changed before the last run"] if changed else []),
        *([f"{few} cannot be judged yet, as fewer than {LEAST_EARLIER} runs before are comparable"] if few else []),
    ]
    what = ", ".join(parts) or "no last run failed, had an unusual result, or had other conditions than the run before"
    yield Note(f"{cases}: {what}.{_largest_change(found)}", "warning" if failed or unusual else "")
    yield Note(
        f"Unusual: outside of the range of the earlier comparable runs, of which there are at least {LEAST_EARLIER}. "
        "Matmul: change of a large matrix product, which whole speed cases measure. If both fell alike, the machine "
        "probably became slower, and not the program. "
        "Single runs vary by several percent; a comparison (docs/comparing.md) says whether the program changed.",
        "muted",
    )


def _largest_change(found: Sequence[CaseHistory]) -> str:
    """A sentence; empty if no case has a comparable run before its last one."""
    changed = [(case.last.change.percent, case) for case in found if case.last.change.percent is not None]
    if not changed:
        return ""
    percent, case = max(changed, key=lambda each: abs(each[0]))
    matmul = case.last.change.matmul_percent
    machine = "" if matmul is None else f"; a large matrix product changed by {matmul:+.1f} % between these runs"
    return (
        f" Largest change since the last comparable run: {_name(case)}, {percent:+.1f} %, a single run each{machine}."
    )


def _left_out(found: Sequence[CaseHistory], history: History) -> Iterator[Note]:
    if len(found) > MAX_CHARTS:
        yield Note(f"Charts show the {MAX_CHARTS} of {len(found)} cases that changed most.", "muted")
    if len(found) > MAX_ROWS:
        yield Note(f"The table has the {MAX_ROWS} of {len(found)} cases that changed most.", "muted")
    if history.shortened:
        yield Note(f"Only the end of a long {HISTORY} was read; `python -m benchmarks.history` lists all.", "muted")
    if history.damaged:
        yield Note(f"{history.damaged} lines of {HISTORY} cannot be read and were left out.", "warning")


def _table(found: Sequence[CaseHistory], anchors: Mapping[str, str]) -> Table:
    headings = (
        *("case", "last run (UTC)", "result", "change (%)", "matmul (%)", "earlier comparable runs", "status"),
        *("what changed", "runs"),
    )
    rows = [_row(case, anchors) for case in found]
    return Table("The last run of each case, compared with its last comparable run", headings, rows, sortable=True)


def _row(case: CaseHistory, anchors: Mapping[str, str]) -> list[Cell]:
    line, earlier = case.last.line, case.earlier_results
    before = f"{_range(earlier)} ({len(earlier)})" if earlier else "none"
    return [
        Cell(_name(case), link=anchors.get(line.run_id, "")),
        _started(line),
        MISSING if line.JOB_FAIL_FLAG else amount(line.FINAL_RESULT, shown(line.FINAL_RESULT, unit_of(line.UNIT))),
        _percent(case.last.change.percent),
        _percent(case.last.change.matmul_percent),
        Cell(before, tone="warning" if case.is_unusual else ""),
        _status(line, *_remarks(case)),
        Cell(_conditions(case.last, case.revision_change), is_sentence=True),
        amount(case.total),
    ]


def _range(results: Sequence[float]) -> str:
    first, last = shown(min(results)), shown(max(results))
    return first if first == last else f"{first} to {last}"


def _remarks(case: CaseHistory) -> Iterator[str]:
    if case.is_unusual:
        yield "unusual"
    elif case.has_few_earlier:
        yield "too few runs to judge"
    if case.last.change.disturbed and not is_disturbed(case.last.line):
        yield "compared run disturbed"


def _chart(case: CaseHistory) -> Chart:
    """Results over the runs. The line is interrupted where the machine changed: what follows is not comparable."""
    failed = [run for run in case.runs if run.line.JOB_FAIL_FLAG]
    disturbed = [run for run in _drawn(case.runs) if is_disturbed(run.line)]
    series = [Line("result", list(_connected(case.runs)), dots=True)]
    if disturbed:
        dots = list(_alone((run.number, run.line.FINAL_RESULT) for run in disturbed))
        series.append(Line("machine disturbed", dots, dots=True))
    if failed:
        series.append(Line("failed", list(_alone((run.number, 0.0) for run in failed)), dots=True))
    return charts.lines(
        _name(case),
        f"Result of the last {len(case.runs)} of {case.total} runs. A mark: machine, versions or settings changed.",
        series,
        x_label="run",
        y_label=unit_of(case.last.line.UNIT),
        table=_runs_table(case),
        marks=list(_marks(case.runs)),
    )


def _name(case: CaseHistory) -> str:
    return case.case if case.measurement == SPEED.name else f"{case.case}, {case.measurement.replace('_', ' ')}"


def _drawn(runs: Sequence[HistoryRun]) -> list[HistoryRun]:
    """Those with a result in the unit of the last one."""
    return [run for run in runs if not run.line.JOB_FAIL_FLAG and run.line.UNIT == runs[-1].line.UNIT]


def _connected(runs: Sequence[HistoryRun]) -> Iterator[Point]:
    drawn = {run.number for run in _drawn(runs)}
    for run in runs:
        if any(_kind(each) == "machine" for each in run.change.conditions):
            yield run.number, None
        if run.number in drawn:
            yield run.number, run.line.FINAL_RESULT


def _alone(points: Iterable[Point]) -> Iterator[Point]:
    """Dots without a line between them."""
    for number, value in points:
        yield number, value
        yield number, None


def _marks(runs: Sequence[HistoryRun]) -> Iterator[tuple[float, str]]:
    """Before each run whose conditions differ. A name that would cover the one before is left out."""
    named = -float(ROOM)
    for run in runs[1:]:
        if kinds := list(dict.fromkeys(map(_kind, run.change.conditions))):
            fits = run.number - named >= ROOM
            yield run.number - 0.5, ", ".join(kinds) if fits else ""
            named = run.number if fits else named


def _kind(condition: str) -> str:
    """Of "torch 2.8.0 -> 2.9.0": what it is about, in a word."""
    name = condition.partition(" ")[0]
    return "machine" if name in FIELDS else name if name in (*VERSIONS, "suite") else "settings"


def _runs_table(case: CaseHistory) -> Table:
    """Narrow, as it is below a chart: a "?" marks a change of which one run was disturbed."""
    headings = ("run", "UTC", unit_of(case.last.line.UNIT), "change", "status", "other changes", "revision")
    return Table("", headings, [_run_cells(run) for run in reversed(case.runs[-MAX_TABLE:])])


def _run_cells(run: HistoryRun) -> list[Cell]:
    line, percent = run.line, _percent(run.change.percent)
    doubt = " ?" if run.change.disturbed and percent.number is not None else ""
    result = Cell("failed", tone="bad") if line.JOB_FAIL_FLAG else amount(line.FINAL_RESULT)
    return [
        amount(run.number),
        Cell(f"{line.started_at:%m-%d %H:%M}"),
        result,
        Cell(f"{percent.text}{doubt}"),
        _status(line),
        Cell(_conditions(run)),
        Cell(short_revision(line) or "-"),
    ]


def _started(line: HistoryLine) -> Cell:
    return Cell(f"{line.started_at:%Y-%m-%d %H:%M}", line.started_at.timestamp())


def _percent(percent: float | None) -> Cell:
    """A change since the last comparable run: same machine and settings."""
    return MISSING if percent is None else amount(percent, f"{percent:+.1f} %")


def _status(line: HistoryLine, *remarks: str) -> Cell:
    if line.JOB_FAIL_FLAG:
        return Cell(f"failed: {line.failure.kind}" if line.failure else "failed", tone="bad")
    disturbed = ["disturbed"] if is_disturbed(line) else []
    texts = [*remarks, *disturbed, *(["light"] if line.light else [])]
    tone: Tone = "warning" if remarks or disturbed else ""
    return Cell(", ".join(texts) or "ok", tone=tone)


def _conditions(run: HistoryRun, revision_change: str = "") -> str:
    return shorten(", ".join(filter(None, [revision_change, *run.change.conditions])), MAX_TEXT) or "-"
