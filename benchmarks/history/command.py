"""The command: `python -m benchmarks.history`."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.harness.results.history import HistoryLine
from benchmarks.harness.results.history_file import History, read
from benchmarks.harness.results.printable import printable, shorten
from benchmarks.history import forms
from benchmarks.history.arguments import MAX_SHOWN, parse
from benchmarks.history.selection import Row, selected

MAX_NAMES = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns its exit code."""
    given = parse(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have letters that the terminal does not
    history = read(given.paths, keep_texts=given.format == "jsonl")
    rows = selected(history, given)
    for line in _lines(rows, given.format):
        print(line)
    sys.stdout.flush()  # before what follows on standard error
    _say_left_out(history)
    if not rows and (history.lines or not history.unreadable):
        _say(_nothing(history.lines))
    return 0 if rows and not history.unreadable else 1


def command() -> int:
    """The command as a process: whoever reads its output may stop reading."""
    try:
        return main()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return 0
    except OSError as error:
        _say(f"the lines cannot be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _lines(rows: Sequence[Row], form: str) -> Iterator[str]:
    if not rows and form == "table":
        return iter(())
    if form == "table":
        return forms.as_table(rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
    return {"markdown": forms.as_markdown, "csv": forms.as_csv, "jsonl": forms.as_jsonl}[form](rows)


def _say_left_out(history: History) -> None:
    for line in history.unreadable:
        _say(line)
    if history.damaged:
        _say(f"{_counted(history.damaged, 'damaged line')} left out: not JSON, or not of a measurement")
    if history.repeated:
        _say(f"{_counted(history.repeated, 'line')} left out: the same run is there twice")


def _nothing(lines: Sequence[HistoryLine]) -> str:
    if not lines:
        return "no measurement is recorded there"
    return (
        f"none of {_counted(len(lines), 'line')} matches; measurements: {_names(line.measurement for line in lines)}; "
        f"cases: {_names(line.case for line in lines)}"
    )


def _names(found: Iterable[str]) -> str:
    names = sorted(set(found))
    more = f", and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{', '.join(shorten(name, MAX_SHOWN) for name in names[:MAX_NAMES])}{more}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)
