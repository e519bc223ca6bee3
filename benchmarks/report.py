"""One page of a folder of artifacts, for people: `python -m benchmarks.report logs` writes logs/report.html.

    python -m benchmarks.report logs --output page.html
    python -m benchmarks.report logs --markdown >> "$GITHUB_STEP_SUMMARY"

Exit code 0: written, whatever the artifacts say; 1: there is no artifact, or the page cannot be written; 2: wrong use.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.report.page.contents import Contents, contents
from benchmarks.harness.report.page.folder import read_folder
from benchmarks.harness.report.page.summary import markdown
from benchmarks.harness.report.page.writing import REPORT, write_page
from benchmarks.harness.report.process import exit_code
from benchmarks.harness.results.printable import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = _parse(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have letters that the terminal does not
    shown = printable(str(options.folder))
    try:
        folder = read_folder(options.folder)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        print(f"{shown} cannot be read: {reason}: nothing was measured, or the path is wrong")
        return 1
    page = contents(folder)
    if page.is_empty:
        print(f"{shown} has no artifact: nothing was measured")
        return 1
    if options.markdown:
        print(markdown(page))
        if options.output is None:
            return 0
    return _write(page, options.output or folder.output / REPORT, quiet=options.markdown)


def _write(page: Contents, path: Path, *, quiet: bool) -> int:
    try:
        write_page(page, path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        print(f"{printable(str(path))} cannot be written: {reason}", file=sys.stderr)
        return 1
    if not quiet:
        print(printable(str(path)))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description="Write one HTML page that shows the artifacts of a folder. It needs no network.",
        epilog="Exit code 0: written; 1: there is no artifact, or the page cannot be written; 2: wrong use.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="an output folder, for example logs")
    parser.add_argument("--output", metavar="FILE", type=Path, help=f"the page; default: {REPORT} in the folder")
    parser.add_argument(
        "--markdown",
        action="store_true",
        help="print tables in Markdown, for the summary of a GitHub job, and write no page unless --output is given",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(exit_code(main, "the report"))
