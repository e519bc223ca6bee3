"""The files of a comparison: `comparisons/<name>.json`, and its runs in `comparisons/<name>.runs/<start>/`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import msgspec

from benchmarks.compare.document import Comparison
from benchmarks.compare.schema import comparison_problems
from benchmarks.harness.controller.output import OutputInUseError, claimed
from benchmarks.harness.results.printable import printable, shorten
from benchmarks.harness.results.reading import DocumentError, read_document
from benchmarks.harness.results.redaction import redact, redacted
from benchmarks.harness.results.shown_side import shown_side
from ocr_models.files import write_text_atomically

MAX_NAME_CHARACTERS = 100
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{MAX_NAME_CHARACTERS - 1}}}")
MAX_PROBLEM = 200


class FolderError(Exception):
    """A folder of comparisons that cannot be used: one line."""


@dataclass(frozen=True)
class ComparisonFiles:
    """Paths of a comparison.

    Attributes:
        folder: of all comparisons of an output folder.
        started_at: of this comparison. One that is resumed keeps it, and so its folder of runs.
    """

    folder: Path
    name: str
    started_at: datetime

    @property
    def document(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def runs(self) -> Path:
        """Of this comparison alone: those of earlier ones of the same name stay where their documents say."""
        return self.folder / f"{self.name}.runs" / f"{self.started_at:%Y%m%dT%H%M%SZ}"

    def keep_earlier(self) -> Path | None:
        """Rename the document of an earlier comparison of this name, so that it is not lost. None if there is none.

        Raises:
            OSError: if it cannot be renamed.
        """
        if not os.path.lexists(self.document):
            return None
        numbered = (self.folder / f"{self.name}.{number}.json" for number in count(1))
        kept = next(path for path in numbered if not os.path.lexists(path))
        self.document.rename(kept)
        return kept


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder of comparisons: two at the same time would disturb each other in any folder.

    Raises:
        FolderError: if another one holds it, or it cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(folder))
        except OutputInUseError:
            raise FolderError(f"another comparison writes to {folder}: wait for it, or give another folder") from None
        except OSError as error:
            raise FolderError(f"{folder} cannot be written: {error.strerror}") from None
        yield


def write(path: Path, comparison: Comparison) -> None:
    """Check a document, and write it without private data.

    Raises:
        DocumentError: if it does not fit its schema.
        OSError: if it cannot be written.
    """
    document = redacted(msgspec.to_builtins(comparison))
    if found := comparison_problems(document):
        raise DocumentError(f"{path.name} does not fit comparison.schema.json: {found[0]}")
    write_text_atomically(path, json.dumps(document, allow_nan=False, indent=1) + "\n")


def public(comparison: Comparison) -> Comparison:
    """The same without private data."""
    return msgspec.convert(redacted(msgspec.to_builtins(comparison)), Comparison)


def read(path: Path) -> Comparison:
    """The document in a file.

    Raises:
        DocumentError: if there is none, or it does not fit its schema: one line.
    """
    try:
        document = read_document(path)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}") from None
    if found := comparison_problems(document):
        raise DocumentError(f"does not fit comparison.schema.json: {shorten(printable(found[0]), MAX_PROBLEM)}")
    try:
        return msgspec.convert(document, Comparison)
    except msgspec.ValidationError as error:
        raise DocumentError(f"fits its schema but not its types: {error}") from None


def default_name(cases: Sequence[str], base: Sequence[str], head: Sequence[str]) -> str:
    """Of cases and sides, as the command line gives them: a valid name of a file, different for different ones."""
    more = f"+{len(cases) - 1}" if len(cases) > 1 else ""
    base, head = (list(map(shown_side, side)) for side in (base, head))
    text = f"{cases[0]}{more}_{_side(base)}_to_{_side(head)}"
    plain = re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_.+-")
    if redact(plain) != plain:  # the documents name the files of runs, so their folder must not be redacted
        plain = "comparison"
    if len(cases) == 1 and plain == text and len(plain) <= MAX_NAME_CHARACTERS:
        return plain
    digest = hashlib.sha256(json.dumps([list(cases), base, head]).encode()).hexdigest()[:8]
    return f"{plain[: MAX_NAME_CHARACTERS - 9]}-{digest}"


def _side(texts: Sequence[str]) -> str:
    return "+".join("here" if text == "." else text.replace(":", "-", 1) for text in texts) or "here"
