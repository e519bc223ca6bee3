"""The command: `python -m benchmarks.compare`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from benchmarks.compare import files, resume
from benchmarks.compare.arguments import STDOUT, Parser, parse, parser
from benchmarks.compare.comparison import perform
from benchmarks.compare.document import FOLDER, Comparison
from benchmarks.compare.errors import SideError
from benchmarks.compare.files import ComparisonFiles, FolderError
from benchmarks.compare.outcome import is_bad
from benchmarks.compare.question import QuestionError, question
from benchmarks.compare.report import markdown, table
from benchmarks.harness.results.printable import printable, shorten
from benchmarks.harness.results.reading import DocumentError
from benchmarks.harness.results.redaction import redact
from ocr_models.files import is_folder, is_regular_file, write_text_atomically

INTERRUPTED = 130
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


class StoppedError(Exception):
    """A comparison that ended without a result: one line, and the exit code."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


@dataclass(frozen=True)
class Output:
    """Where lines go. A terminal or a pipe that is gone costs no measurement."""

    stream: IO[str]

    def say(self, line: str = "") -> None:
        """Print a line, without private data and control characters."""
        with contextlib.suppress(OSError, ValueError):
            print(printable(redact(line)), file=self.stream, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: see `arguments.EPILOG`."""
    of = parser()
    given = parse(sys.argv[1:] if arguments is None else arguments, of)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if given.self_test:
        from benchmarks.compare.self_test import report  # numpy and scipy

        try:
            return report.main(given.replays, given.seed or 0)
        except OSError as error:
            Output(sys.stderr).say(f"--self-test: standard output cannot be written: {error.strerror}")
            return 1
    _check_markdown(given.markdown, of)
    output = Output(sys.stderr if given.markdown == STDOUT else sys.stdout)
    try:
        comparison = _compared(given, of, output)
    except (QuestionError, SideError) as error:
        of.error(str(error))
    except FolderError as error:
        of.error(f"argument --output: {error}")
    except StoppedError as error:
        output.say(str(error))
        return error.code
    except KeyboardInterrupt:
        output.say("interrupted before anything was measured")
        return INTERRUPTED
    for line in ("", *table.result_lines(comparison)):
        output.say(line)
    code = exit_code(comparison, strict=given.strict)
    try:
        if given.markdown is not None:
            _write_markdown(given.markdown, comparison)
    except OSError as error:
        output.say(f"--markdown: {given.markdown} cannot be written: {error.strerror}")
        return code or 1
    output.say(f"exit code {code}: {_meaning(comparison, code, strict=given.strict)}")
    return code


def command() -> int:
    """The command as a process: whoever reads its output may stop reading."""
    code = main()
    try:
        if sys.stdout is not None:  # it is, if the process was started with standard output closed
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
    return code


def exit_code(comparison: Comparison, *, strict: bool) -> int:
    """Of a result."""
    if any(case.stopped_by == "interrupted" for case in comparison.cases):
        return INTERRUPTED
    return 1 if any(is_bad(case, strict=strict) for case in comparison.cases) else 0


def _meaning(comparison: Comparison, code: int, *, strict: bool) -> str:
    """Of the exit code of a result."""
    if code == INTERRUPTED:
        return "interrupted; the same command with --resume continues"
    words = [case.verdict.word for case in comparison.cases]
    hint = "; with --strict it would be 1" if "cannot tell" in words and code == 0 and not strict else ""
    return f"{', '.join(dict.fromkeys(words))}{hint}"


def _compared(given: argparse.Namespace, of: Parser, output: Output) -> Comparison:
    """The comparison at its end. Wrong use ends the process, as errors of argparse do."""
    asked = question(given)
    name = given.name or files.default_name([base for base, _ in asked.names], asked.base.given, asked.head.given)
    found = ComparisonFiles(given.output.absolute() / FOLDER, name, datetime.now(timezone.utc))
    shown = f"{given.output}/{FOLDER}/{name}.json"
    with files.held(found.folder):
        earlier = _earlier(found, shown, of) if given.resume else None
        if earlier is not None:
            asked = question(given, earlier.procedure.seed)
            found = ComparisonFiles(found.folder, name, earlier.started_at)
        try:
            return perform(asked, found, earlier, output.say, f"document:   {shown}")
        except resume.ResumeError as error:
            of.error(f"argument --resume: {shown}: {error}")
        except (KeyboardInterrupt, OSError, DocumentError) as error:
            saved = _saved(found)
            is_result = saved is not None and saved.finished and (earlier is None or not earlier.finished)
            if saved is not None and is_result and isinstance(error, KeyboardInterrupt):  # while a side was closed
                return saved
            raise _stopped(error, found, continues=saved is not None and not saved.finished) from None


def _saved(found: ComparisonFiles) -> Comparison | None:
    """The document of this comparison, not of an earlier one of its name; None if it has left none."""
    try:
        saved = files.read(found.document)
    except DocumentError:
        return None
    return saved if saved.started_at == found.started_at else None


def _stopped(error: BaseException, found: ComparisonFiles, *, continues: bool) -> StoppedError:
    more = "; what was measured is in the document, and --resume continues" if continues else ""
    if isinstance(error, KeyboardInterrupt):
        return StoppedError(f"interrupted, not in a pair{more}", INTERRUPTED)
    if isinstance(error, OSError):
        return StoppedError(f"{error.filename or found.folder} cannot be written: {error.strerror}{more}", 1)
    return StoppedError(f"{error}{more}", 1)


def _earlier(found: ComparisonFiles, shown: str, of: Parser) -> Comparison:
    """The document to resume."""
    if not os.path.lexists(found.document):
        of.error(f"argument --resume: there is no {shown}: give the options, or the --name, of the interrupted command")
    try:
        return files.read(found.document)
    except DocumentError as error:
        of.error(f"argument --resume: {shown}: {error}")


def _check_markdown(text: str | None, of: Parser) -> None:
    """Before anything is measured."""
    if text is None or text == STDOUT:
        return
    path = Path(text)
    if not text or is_folder(path) or not is_folder(path.absolute().parent):
        of.error(f"argument --markdown: {shorten(text, 200)!r} is not a file in an existing folder")
    try:
        path.exists()
    except OSError as error:
        of.error(f"argument --markdown: {shorten(text, 200)!r} cannot be written: {error.strerror}")


def _write_markdown(text: str, comparison: Comparison) -> None:
    """Raises OSError if it cannot be written."""
    page = markdown.page(comparison)
    if text == STDOUT:
        print(page, flush=True)
    elif is_regular_file(Path(text)) and text == os.environ.get(STEP_SUMMARY):  # others write to it, too
        with Path(text).open("a", encoding="utf-8") as file:
            file.write(f"{page}\n")
    elif Path(text).exists() and not is_regular_file(Path(text)):  # a device or a pipe cannot be replaced
        Path(text).write_text(f"{page}\n", encoding="utf-8")
    else:
        write_text_atomically(text, f"{page}\n")
