"""Which lines are shown."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from typing import NamedTuple

from benchmarks.harness.results.history import HistoryLine
from benchmarks.harness.results.history_changes import Change, changes
from benchmarks.harness.results.history_file import History
from benchmarks.harness.results.machine_key import short_name


class Row(NamedTuple):
    """A line, what changed since the lines before it, and its text in its file, if that was kept."""

    line: HistoryLine
    change: Change
    text: bytes = b""


Test = Callable[[HistoryLine], bool]


def selected(history: History, given: argparse.Namespace) -> list[Row]:
    """The rows that pass all tests. Changes are those of the whole history, whatever is shown of it."""
    tests = list(_tests(given))
    texts = history.texts or [b""] * len(history.lines)
    rows = [
        Row(line, change, text)
        for line, change, text in zip(history.lines, changes(history.lines), texts, strict=True)
        if all(test(line) for test in tests)
    ]
    return rows[-given.last :] if given.last else rows


def _tests(given: argparse.Namespace) -> Iterator[Test]:
    if given.case:
        yield _any_matches(given.case)
    if given.measurement:
        yield lambda line: line.measurement in given.measurement
    if given.since:
        yield lambda line: line.started_at >= given.since
    if given.until:
        yield lambda line: line.started_at <= given.until
    if given.machine:
        yield _is_on(given.machine)
    if given.revision:
        yield lambda line: (line.git_commit or "").startswith(given.revision)
    if given.failed or given.passed:
        yield lambda line: bool(line.JOB_FAIL_FLAG) == given.failed


def _any_matches(patterns: Iterable[str]) -> Test:
    expressions = [re.compile(translate(pattern)) for pattern in patterns]
    return lambda line: any(expression.match(line.case) for expression in expressions)


def _is_on(pattern: str) -> Test:
    """Whether the short name of a machine, or a value of its key, matches."""
    expression = re.compile(translate(pattern), re.IGNORECASE)

    def test(line: HistoryLine) -> bool:
        return bool(line.machine) and any(map(expression.match, (short_name(line.machine), *line.machine.values())))

    return test
