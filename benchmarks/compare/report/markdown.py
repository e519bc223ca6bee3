"""The result as GitHub Markdown: for the summary of a CI job, or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    verdict_word,
)
from benchmarks.compare.report.wording import case_title
from benchmarks.harness.results.printable import printable

MAX_CHARACTERS = 60_000
"""GitHub takes comments of 65,536. A longer page leaves the pairs out."""

_SPECIAL = re.compile(r"[\\`*\[\]<|~$&@#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""Characters that may have a meaning in Markdown or HTML, or in GitHub's mentions of users and issues. Mentions are
looked for in the finished page, where an entity is a character again: so a space of no width follows. Within a
word `_` has none, nor `>` within a line."""


def page(comparison: Comparison) -> str:
    """The whole result. The pairs are folded."""
    rows = [row(case, comparison) for case in comparison.cases]
    lines = [f"## {_headline(comparison)}", "", *_rows(HEADINGS, rows, NUMERIC), ""]
    lines += [*_list(sides(comparison)), ""]
    for case in comparison.cases:
        title = f"{case_title(case)}: {verdict_word(case, comparison.procedure)}"
        lines += [f"### {escape(title)}", "", *_list(findings(case, comparison)), ""]
    lines += ["### How it was measured", "", *_list(overview(comparison)), ""]
    pairs = [line for case in comparison.cases for line in _pairs(case)]
    if sum(map(len, [*lines, *pairs])) > MAX_CHARACTERS:
        pairs = ["The pairs are in the comparison document; they are too many for this page.", ""]
    return "\n".join([*lines, *pairs])


def escape(text: str) -> str:
    """Text as it is: on one line, without a meaning for Markdown or HTML."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};{'&#8203;' * (found[0] in '@#')}", printable(text))


def _headline(comparison: Comparison) -> str:
    words = list(dict.fromkeys(verdict_word(case, comparison.procedure) for case in comparison.cases))
    return escape(f"{comparison.head.title} compared with {comparison.base.title}: {', '.join(words)}")


def _rows(headings: Sequence[str], rows: list[list[str]], numeric: Sequence[int] = ()) -> list[str]:
    rule = ["---:" if index in numeric else "---" for index in range(len(headings))]
    return [f"| {' | '.join(cells)} |" for cells in [list(headings), rule, *([*map(escape, each)] for each in rows)]]


def _list(labelled: list[Labelled]) -> list[str]:
    return [
        f"- **⚠ {label}: {escape(text)}**" if label == LOUD else f"- {label}: {escape(text)}"
        for label, text in labelled
    ]


def _pairs(case: CaseComparison) -> list[str]:
    if not case.pairs:
        return []
    summary = f"<summary>Pairs of {escape(case_title(case))}</summary>"
    return ["<details>", summary, "", *_rows(PAIR_HEADINGS, pair_cells(case), (2, 3, 4, 5)), "", "</details>", ""]
