"""Text and tables as GitHub Markdown: for the summary of a CI job, or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.harness.results.printable import printable

_SPECIAL = re.compile(r"[\\`*\[\]<|~$&@#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""Characters that may have a meaning in Markdown or HTML, or in GitHub's mentions of users and issues. Mentions are
looked for in the finished page, where an entity is a character again: so a space of no width follows. Within a
word `_` has none, nor `>` within a line."""


def escape(text: str) -> str:
    """Text as it is: on one line, without a meaning for Markdown or HTML."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};{'&#8203;' * (found[0] in '@#')}", printable(text))


def rows(headings: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> list[str]:
    """A table; the `numeric` columns align right. The headings are our own, so they are not escaped."""
    rule = ["---:" if index in numeric else "---" for index in range(len(headings))]
    return [f"| {' | '.join(each)} |" for each in [list(headings), rule, *([*map(escape, row)] for row in cells)]]
