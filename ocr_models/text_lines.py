"""Lines of a text file, as the readers of all layouts need them, and the order of file names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocr_models.errors import DataError, shown
from ocr_models.files import read_regular_file

MAX_LINE_CHARACTERS = 2**24
MAX_BLANK_LINES = 2**16

_LINE_END = re.compile(r"\r\n|\n|\r")  # str.splitlines would break at characters within a text


class LineError(ValueError):
    """A line that cannot be read. The message says why; the caller adds file and line."""


@contextmanager
def located(path: Path, number: int) -> Iterator[None]:
    """Turns errors about a line into a DataError that names file and line."""
    try:
        yield
    except LineError as error:
        raise DataError(f"{shown(path)}:{number}: {error}") from error
    except RecursionError:  # from the JSON decoder, or from showing what it has decoded
        raise DataError(f"{shown(path)}:{number}: the JSON list is nested too deeply") from None


def read_lines(path: Path, max_bytes: int) -> Iterator[tuple[int, str]]:
    """(number, text) of every line that is not blank, without byte order mark and line end (LF, CR LF or CR).

    Raises:
        DataError: if the file cannot be read, is larger than `max_bytes` or not UTF-8, or has a line that is too long
            or too many blank ones.
    """
    blank_lines = 0
    for number, line in enumerate(split_lines(read_text(path, max_bytes)), start=1):
        if len(line) > MAX_LINE_CHARACTERS or blank_lines > MAX_BLANK_LINES:
            fault = f"a line of {len(line)} characters after {blank_lines} blank lines"
            raise DataError(f"{shown(path)}:{number}: {fault}; is this an annotation file?")
        if line.strip():
            yield number, line
        else:
            blank_lines += 1


def read_text(path: Path, max_bytes: int) -> str:
    """The content of a text file, without byte order mark.

    Raises:
        DataError: if the file cannot be read, is larger than `max_bytes` or not UTF-8.
    """
    encoded = read_regular_file(path, max_bytes)
    if encoded.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{shown(path)}: cannot be read as UTF-8: it is UTF-16; save the file as UTF-8")
    try:
        return encoded.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = count_lines(encoded[: error.start].decode("utf-8-sig"))
        raise DataError(
            f"{shown(path)}:{line}: cannot be read as UTF-8 (byte 0x{encoded[error.start]:02x}); "
            "convert the file from its encoding, for example: iconv -f GBK -t UTF-8, or -f LATIN1"
        ) from error


def check_unicode(text: str) -> None:
    """Raises LineError for half of a surrogate pair, which JSON can contain."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LineError(f"the transcription {shown(text, 40)} is no valid Unicode text") from None


def split_lines(text: str) -> Iterator[str]:
    """The lines of a file one by one, whether they end with LF, CR LF or CR alone."""
    begin = 0
    for end in _LINE_END.finditer(text):
        yield text[begin : end.start()]
        begin = end.end()
    yield text[begin:]


def count_lines(text: str) -> int:
    """The number of the line in which a text ends that begins in line 1."""
    return 1 + sum(1 for _ in _LINE_END.finditer(text))


def natural_key(name: str) -> list[tuple[int, str]]:
    """A sort key that puts img_2 before img_10. Numbers are compared by their digits, however long they are."""
    parts = re.split(r"([0-9]+)", name)
    key = [_number_key(part) if number % 2 else (-1, part) for number, part in enumerate(parts)]
    return [*key, (-1, name)]  # so that img_1 and img_01 have an order, too


def _number_key(digits: str) -> tuple[int, str]:
    significant = digits.lstrip("0")
    return len(significant), significant
