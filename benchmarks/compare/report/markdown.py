"""The result as GitHub Markdown: for the summary of a CI job, or a comment on a pull request."""

from __future__ import annotations

from benchmarks.compare.document import CaseComparison, Comparison
from benchmarks.compare.report.table import (
    HEADINGS,
    LOUD,
    NUMERIC,
    PAIR_HEADINGS,
    Labelled,
    findings,
    overview,
    pair_cells,
    row,
    sides,
)
from benchmarks.compare.report.wording import case_title, verdict_word
from benchmarks.harness.report.markdown import escape, rows

MAX_CHARACTERS = 60_000
"""GitHub takes comments of 65,536. A longer page leaves the pairs out."""


def page(comparison: Comparison) -> str:
    """The whole result. The pairs are folded."""
    cells = [row(case, comparison) for case in comparison.cases]
    lines = [f"## {_headline(comparison)}", "", *rows(HEADINGS, cells, NUMERIC), ""]
    lines += [*_list(sides(comparison)), ""]
    for case in comparison.cases:
        title = f"{case_title(case)}: {verdict_word(case, comparison.procedure)}"
        lines += [f"### {escape(title)}", "", *_list(findings(case, comparison)), ""]
    lines += ["### How it was measured", "", *_list(overview(comparison)), ""]
    pairs = [line for case in comparison.cases for line in _pairs(case)]
    if sum(map(len, [*lines, *pairs])) > MAX_CHARACTERS:
        pairs = ["The pairs are in the comparison document; they are too many for this page.", ""]
    return "\n".join([*lines, *pairs])


def _headline(comparison: Comparison) -> str:
    words = list(dict.fromkeys(verdict_word(case, comparison.procedure) for case in comparison.cases))
    return escape(f"{comparison.head.title} compared with {comparison.base.title}: {', '.join(words)}")


def _list(labelled: list[Labelled]) -> list[str]:
    return [
        f"- **⚠ {label}: {escape(text)}**" if label == LOUD else f"- {label}: {escape(text)}"
        for label, text in labelled
    ]


def _pairs(case: CaseComparison) -> list[str]:
    if not case.pairs:
        return []
    summary = f"<summary>Pairs of {escape(case_title(case))}</summary>"
    return ["<details>", summary, "", *rows(PAIR_HEADINGS, pair_cells(case), (2, 3, 4, 5)), "", "</details>", ""]
