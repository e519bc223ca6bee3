"""All parts of the page, in their order, from what was found in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

from benchmarks.harness.report.page.case_sections import cause_section, failure_section, run_section
from benchmarks.harness.report.page.environments import Environments
from benchmarks.harness.report.page.folder import Folder, ShownCase
from benchmarks.harness.report.page.glance import Glance, glance, status
from benchmarks.harness.report.page.quantities import MISSING
from benchmarks.harness.report.page.sections import CasePage, Cell, Note, Section, Table, Tone
from benchmarks.harness.report.page.terms import terms
from benchmarks.harness.results.measurements import MEASUREMENTS, Measurement

FOLDER_SECTIONS: tuple[str, ...] = (
    "benchmarks.harness.report.page.history:history_section",
    "benchmarks.compare.report.page_section:comparisons_section",
    "benchmarks.harness.report.page.scaling:scaling_section",
)
"""Sections of all cases together: "module:function", `Folder` -> `Section`, in their order on the page. An empty one is
left out.
"""


@dataclass(frozen=True)
class CaseBlock:
    """A case, folded.

    Attributes:
        result: its line for people.
    """

    anchor: str
    name: str
    result: str
    status: str
    tone: Tone
    sections: Sequence[Section]
    environment: Cell | None


@dataclass(frozen=True)
class Group:
    """The cases of one measurement: their table, and each of them."""

    title: str
    anchor: str
    help: str
    table: Table
    cases: Sequence[CaseBlock]


@dataclass(frozen=True)
class Contents:
    """The page.

    Attributes:
        failures: a section of each failed case, named by its heading, with the anchor of the case.
        unreadable: files that are no artifacts, and why.
        terms: words of the page, and what they mean.
    """

    title: str
    made_at: datetime
    glance: Glance
    failures: Sequence[tuple[str, Section]]
    unreadable: Sequence[tuple[str, str]]
    groups: Sequence[Group]
    sections: Sequence[Section]
    environments: Sequence[tuple[str, Section]]
    terms: Sequence[tuple[str, str]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found: no artifact, no other file in place of one, no history, no comparison."""
        return not (self.groups or self.unreadable or self.sections)


def contents(folder: Folder) -> Contents:
    """Everything that the page of a folder shows."""
    environments = Environments()
    groups = [
        _group(measurement, cases, environments)
        for measurement in MEASUREMENTS.values()
        if (cases := folder.of(measurement.name))
    ]
    sections = [found for path in FOLDER_SECTIONS if not (found := _guarded(path, folder)).is_empty]
    return Contents(
        title="OCR training benchmarks",
        made_at=datetime.now(timezone.utc),
        glance=glance(folder, sections),
        failures=[
            (case.anchor, _guarded_section(failure_section, case))
            for case in folder.cases
            if case.artifact.JOB_FAIL_FLAG
        ],
        unreadable=folder.unreadable,
        groups=groups,
        sections=sections,
        environments=environments.sections(),
        terms=terms({case.measurement.name for case in folder.cases}) if groups else [],
    )


def case_page(case: ShownCase) -> CasePage:
    """What the measurement of a case shows of it. Its function may fail at a strange artifact: the page says so."""
    measurement = case.measurement
    cells = measurement.cells(case.artifact) if measurement.page is None else []
    row = {heading: Cell(text) for heading, text in zip(measurement.headings, cells, strict=False)}
    if measurement.page is None:
        return CasePage(row or dict.fromkeys(measurement.headings, MISSING), [])
    page: CasePage = _function(measurement.page)(case)
    return page


def _guarded_case_page(case: ShownCase) -> CasePage:
    try:
        return case_page(case)
    except Exception as error:
        return CasePage({}, [_not_shown(case.name, error)])


def _group(measurement: Measurement, cases: Sequence[ShownCase], environments: Environments) -> Group:
    pages = [_guarded_case_page(case) for case in cases]
    headings = list(dict.fromkeys(heading for page in pages for heading in page.cells))
    # What no case has, such as launches of kernels on the CPU, needs no column. Of failed cases alone all stay.
    headings = [
        name for name in headings if any(page.cells.get(name, MISSING) != MISSING for page in pages)
    ] or headings
    rows = [_row(case, page, headings) for case, page in zip(cases, pages, strict=True)]
    table = Table(measurement.title, ("case", "status", *headings, "measured (UTC)"), rows, sortable=True)
    blocks = [_block(case, page, environments) for case, page in zip(cases, pages, strict=True)]
    return Group(measurement.title, f"measurement-{measurement.name}", measurement.help, table, blocks)


def _row(case: ShownCase, page: CasePage, headings: Iterable[str]) -> list[Cell]:
    text, tone = status(case)
    started = case.started_at
    when = Cell(f"{started:%m-%d %H:%M}", started.timestamp())
    middle = [page.cells.get(heading, MISSING) for heading in headings]
    # On a phone, only the first columns are seen at once.
    return [Cell(case.name, link=case.anchor), Cell(text, tone=tone), *middle, when]


def _block(case: ShownCase, page: CasePage, environments: Environments) -> CaseBlock:
    text, tone = status(case)
    sections = [_guarded_section(cause_section, case), *page.sections, _guarded_section(run_section, case)]
    return CaseBlock(
        anchor=case.anchor,
        name=case.name,
        result=case.result,
        status=text,
        tone=tone,
        sections=[section for section in sections if not section.is_empty],
        environment=environments.add(case),
    )


def _guarded(path: str, folder: Folder) -> Section:
    """Code that reads what anybody may have put into a folder does not keep the rest of the page from its reader."""
    try:
        section: Section = _function(path)(folder)
        return section
    except Exception as error:
        return _not_shown(path.rpartition(":")[2], error)


def _guarded_section(make: Callable[[ShownCase], Section], case: ShownCase) -> Section:
    try:
        return make(case)
    except Exception as error:
        return _not_shown(make.__name__, error)


def _not_shown(what: str, error: Exception) -> Section:
    text = f"{what} cannot be shown: {type(error).__name__}: {' '.join(str(error).split())}"
    return Section("Not shown", notes=[Note(text, "bad")])


def _function(path: str) -> Callable[[Any], Any]:
    module, _, name = path.partition(":")
    function: Callable[[Any], Any] = getattr(import_module(module), name)
    return function
