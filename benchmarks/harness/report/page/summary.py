"""The tables of the page as GitHub Markdown, for the summary of a job."""

from __future__ import annotations

from benchmarks.harness.report.markdown import escape, rows
from benchmarks.harness.report.page.contents import Contents
from benchmarks.harness.report.page.sections import Table
from benchmarks.harness.results.printable import printable

MAX_CHARACTERS = 900_000
"""GitHub takes summaries of 1 MiB, and drops longer ones."""


def markdown(page: Contents) -> str:
    """Verdict, failures, files that are no artifacts, and the table of each measurement."""
    lines = [f"## {escape(page.title)}: {escape(page.glance.verdict)}", ""]
    lines += [f"- {label}: {escape(text)}" for label, text in page.glance.facts]
    lines += [f"- **{escape(case.text)}** {escape(text)}" for case, text in page.glance.remarks]
    for _, section in page.failures:
        lines += ["", f"### ❌ {escape(section.heading)}", "", *(escape(note.text) for note in section.notes)]
        for text in section.texts:
            summary = f"<details><summary>{escape(text.title)}</summary>"
            lines += ["", summary, "", *(f"    {line}" for line in map(printable, text.lines)), "", "</details>"]
    for group in page.groups:
        lines += ["", f"### {group.title}", "", *_table(group.table)]
    if page.unreadable:
        lines += ["", "### Files that are no artifacts", ""]
        lines += [f"- {escape(name)}: {escape(reason)}" for name, reason in page.unreadable]
    return _shortened(lines)


def _table(table: Table) -> list[str]:
    cells = [[each if isinstance(each, str) else each.text for each in row] for row in table.rows]
    return rows(tuple(table.headings), cells, sorted(table.numeric))


def _shortened(lines: list[str]) -> str:
    found, size = [], 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > MAX_CHARACTERS:
            found += ["", "The rest is too long for a summary: see report.html."]
            break
        found.append(line)
    return "\n".join(found)
