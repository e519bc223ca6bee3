"""The command line: which files, which lines of them, in which form."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NoReturn

from benchmarks.harness.results.printable import printable, shorten

FORMATS = ("table", "markdown", "csv", "jsonl")
MAX_SHOWN = 100
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

DESCRIPTION = """\
Lists what was measured, one line per measurement, by time. Reads history files alone: no artifact is needed."""

EPILOG = """\
a PATTERN has * for any characters, ? for one, [ab] for one of some, and must match the whole text; quote it
a DATE is a day, 2026-03-01, or a time, 2026-03-01T14:30, in UTC unless it has an offset (+02:00)

examples
  python -m benchmarks.history
  python -m benchmarks.history logs /mnt/results/history.jsonl --case 'psenet_*' --since 2026-03-01
  python -m benchmarks.history --failed --last 5
  python -m benchmarks.history */history.jsonl --format jsonl > merged.jsonl

exit code: 0 lines are shown; 1 none matches, or a file cannot be read; 2 wrong use. See docs/history.md."""


class Parser(argparse.ArgumentParser):
    """An error is one line without control characters."""

    def error(self, message: str) -> NoReturn:
        super().error(shorten(printable(message), 3 * MAX_SHOWN))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked. Wrong use ends the process, as errors of argparse do."""
    parser = Parser(
        prog="python -m benchmarks.history",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("paths", metavar="FILE_OR_FOLDER", nargs="*", type=_path, default=[Path("logs")], help="default: logs")
    add("--case", metavar="PATTERN", action="append", default=[], help="cases; may be repeated")
    add("--measurement", metavar="NAME", action="append", default=[], help="for example speed; may be repeated")
    add("--since", metavar="DATE", type=_since, help="started then or later")
    add("--until", metavar="DATE", type=_until, help="started then or earlier; a day counts as a whole")
    add("--machine", metavar="PATTERN", help="name of a machine in the table, its processor or its GPU: '*H100*'")
    add("--revision", metavar="COMMIT", type=_commit, help="commit of the suite, or its first digits, at least 4")
    outcome = parser.add_mutually_exclusive_group()
    outcome.add_argument("--failed", action="store_true", help="only what failed")
    outcome.add_argument("--passed", action="store_true", help="only what did not fail")
    add("--last", metavar="N", type=_number, help="only the last N of these lines")
    add("--format", choices=FORMATS, default="table", help="default: table; jsonl has the lines as they are")
    return parser.parse_args(arguments)


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("the path is empty" if not text else "a path has no NUL")
    return Path(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{shorten(text, MAX_SHOWN)!r} is not a whole number from 1")
    return int(text)


def _commit(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{4,64}", text):
        raise argparse.ArgumentTypeError(f"{shorten(text, MAX_SHOWN)!r} is not a commit: at least 4 hexadecimal digits")
    return text.lower()


def _since(text: str) -> datetime:
    return _moment(text)


def _until(text: str) -> datetime:
    """The last moment that is included."""
    try:
        return _moment(text) + (timedelta(days=1, microseconds=-1) if _DAY.fullmatch(text) else timedelta())
    except OverflowError:
        return _moment(text)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{shorten(text, MAX_SHOWN)!r} is not a date, for example 2026-03-01 or 2026-03-01T14:30"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
