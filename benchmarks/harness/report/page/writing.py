"""Writes report.html."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from benchmarks.harness.report.page.contents import Contents, contents
from benchmarks.harness.report.page.folder import read_folder
from benchmarks.harness.report.page.render import render
from benchmarks.harness.results.redaction import redact
from ocr_models.files import write_text_atomically

REPORT = "report.html"


def write_page(page: Contents, path: Path) -> None:
    """Write the page as one file.

    Raises:
        OSError: if it cannot be written.
    """
    write_text_atomically(path, render(page))


def page_line(output: Path, base: Path) -> str:
    """Write the page of an output folder into it. Returns a line that says where it is, relative to `base`, or why
    there is none: an older one is then removed, as it shows other results.
    """
    path = output / REPORT
    try:
        write_page(contents(read_folder(output)), path)
    except Exception as error:  # no defect of the page changes the verdict of a session
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return redact(f"no {REPORT}: {type(error).__name__}: {' '.join(str(error).split())}")
    return f"page: {path.relative_to(base) if path.is_relative_to(base) else path}"
