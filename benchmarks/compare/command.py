"""The command: `python -m benchmarks.compare`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from benchmarks.compare import files, resume
from benchmarks.compare.arguments import STDOUT, Parser, parse, parser
from benchmarks.compare.comparison import perform
from benchmarks.compare.document import Comparison
from benchmarks.compare.errors import SideError
from benchmarks.compare.files import ComparisonFiles
from benchmarks.compare.question import QuestionError, question
from benchmarks.compare.report import markdown, table
from benchmarks.harness.controller.output import OutputInUseError, claimed
from benchmarks.harness.results.printable import printable
from benchmarks.harness.results.reading import DocumentError
from benchmarks.harness.results.redaction import redact
from ocr_models.files import is_regular_file, write_text_atomically

INTERRUPTED = 130
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


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

        return report.main(given.replays, given.seed or 0)
    _check_markdown(given.markdown, of)
    output = Output(sys.stderr if given.markdown == STDOUT else sys.stdout)
    try:
        comparison = _compared(given, of, output)
    except (QuestionError, SideError) as error:
        of.error(str(error))
    except KeyboardInterrupt:
        output.say("interrupted, not in a pair: what was measured is in the document, and --resume continues")
        return INTERRUPTED
    except OSError as error:
        output.say(f"{error.filename or given.output} cannot be written: {error.strerror}; --resume continues")
        return 1
    for line in ("", *table.result_lines(comparison)):
        output.say(line)
    code = exit_code(comparison, strict=given.strict)
    try:
        if given.markdown is not None:
            _write_markdown(given.markdown, comparison)
    except OSError as error:
        output.say(f"--markdown: {given.markdown} cannot be written: {error.strerror}")
        return code or 1
    return code


def command() -> int:
    """The command as a process: whoever reads its output may stop reading."""
    code = main()
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
    return code


def exit_code(comparison: Comparison, *, strict: bool) -> int:
    """Of a result."""
    if any(case.stopped_by == "interrupted" for case in comparison.cases):
        return INTERRUPTED
    bad = {"slower", "failed", *(["cannot tell"] if strict else [])}
    return 1 if any(case.verdict.word in bad for case in comparison.cases) else 0


def _compared(given: argparse.Namespace, of: Parser, output: Output) -> Comparison:
    """The comparison at its end. Wrong use ends the process, as errors of argparse do."""
    asked = question(given)
    name = given.name or files.default_name([base for base, _ in asked.names], asked.base.given, asked.head.given)
    found = ComparisonFiles(given.output.absolute() / files.FOLDER, name, datetime.now(timezone.utc))
    shown = f"{given.output}/{files.FOLDER}/{name}.json"
    with _claimed(found.folder, given.output, of):
        earlier = _earlier(found, shown, of) if given.resume else None
        if earlier is not None and earlier.finished:
            output.say(f"{shown} is finished: there is nothing to resume")
            return earlier
        if earlier is not None:
            asked = question(given, earlier.procedure.seed)
            found = ComparisonFiles(found.folder, name, earlier.started_at)
        output.say(f"comparison: {shown}")
        try:
            return perform(asked, found, earlier, output.say)
        except resume.ResumeError as error:
            of.error(f"argument --resume: {shown}: {error}")


@contextlib.contextmanager
def _claimed(folder: Path, output: Path, of: Parser) -> Iterator[None]:
    """Hold the folder of comparisons: two at the same time would disturb each other in any folder."""
    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(folder))
        except OutputInUseError:
            of.error(f"argument --output: another comparison writes to {folder}: wait for it, or give another folder")
        except OSError as error:
            of.error(f"argument --output: {output} cannot be written: {error.strerror}")
        yield


def _earlier(found: ComparisonFiles, shown: str, of: Parser) -> Comparison:
    """The document to resume."""
    if not found.document.exists():
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
    if not text or path.is_dir() or not path.absolute().parent.is_dir():
        of.error(f"argument --markdown: {text!r} is not a file in an existing folder")


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
