"""Reads a file that should hold a JSON document, whatever it really is: in bounded time and memory, and strictly.

The gate meets files that anybody may have put into its folder. So only a regular file of limited size is read, and its
document is limited in depth and in number of values, so that nothing that comes after has to care.
"""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import NoReturn

from benchmarks.harness.results.printable import shorten

MAX_BYTES = 4 * 2**20
MAX_VALUES = 200_000
"""In all objects and arrays together. An artifact of 1,000 ranks has half as many; checking all takes two seconds."""

MAX_DEPTH = 20
MAX_DIGITS = 18
"""Of an integer: it then fits 64 bits, and no computation with it overflows."""

MAX_NUMBER_LENGTH = 64
NOT_FINITE = "contains NaN or infinity, which JSON does not have"

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class DocumentError(ValueError):
    """A file without a document that can be used: one line."""


def read_document(path: Path) -> object:
    """The JSON document in a file: objects, arrays, strings, finite numbers, true, false, null.

    Raises:
        DocumentError: if it is not a regular file, is too large, or is not strict JSON: UTF-8 without a byte order
            mark, every key once, no NaN, no infinity, no lone surrogate.
        OSError: if the file cannot be read.
    """
    text = _decoded(_content(path))
    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant
        )
    except RecursionError:
        raise DocumentError(f"nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError as error:
        raise DocumentError(f"not JSON: {error}") from None
    _check_size(document)
    return document


def bytes_to_read(path: Path) -> int:
    """Size of a file; 0 for one that is refused because of its kind or size."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES else 0


def open_regular(path: Path) -> int:
    """A descriptor of a regular file, open for reading.

    Raises:
        DocumentError: if it is not a regular file.
        OSError: if it cannot be opened.
    """
    _check_kind(os.stat(path))  # first of all: opening a device may have an effect  # noqa: PTH116
    descriptor = os.open(
        path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    )  # never waits: not even for a late named pipe
    try:
        _check_kind(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _content(path: Path) -> bytes:
    """All bytes of a regular file."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        if size > MAX_BYTES:
            raise DocumentError(f"too large: {size} bytes; an artifact has at most {MAX_BYTES}")
        content = bytearray()
        while len(content) <= MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES + 1 - len(content))):
            content += chunk
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:  # files of the system, as in /proc, have no size
        raise DocumentError(f"too large: an artifact has at most {MAX_BYTES} bytes")
    return bytes(content)


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise DocumentError(f"not a regular file but {kind}")


def _decoded(content: bytes) -> str:
    if not content:
        raise DocumentError("not JSON: the file is empty")
    for mark, name in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            raise DocumentError(f"not JSON: begins with a byte order mark of {name}; JSON is UTF-8 without one")
    if b"\0" in content:
        raise DocumentError("not JSON: contains NUL bytes, as UTF-16 and binary files do")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"not JSON: not UTF-8 at byte {error.start}") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Python, like most readers, would keep the last of several values and ignore the others."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise DocumentError(f"not strict JSON: the key {shorten(repr(twice), 80)} is there more than once")
    return found


def _integer(text: str) -> int:
    digits = len(text.lstrip("-"))
    if digits > MAX_DIGITS:
        raise DocumentError(f"an integer of {digits} digits; at most {MAX_DIGITS} are read")
    return int(text)


def _real(text: str) -> float:
    if len(text) > MAX_NUMBER_LENGTH:
        raise DocumentError(f"a number of {len(text)} characters; at most {MAX_NUMBER_LENGTH} are read")
    value = float(text)
    if not math.isfinite(value):
        raise DocumentError(f"{NOT_FINITE}: {text}")
    return value


def _constant(text: str) -> NoReturn:
    raise DocumentError(f"{NOT_FINITE}: {text}")


def _check_size(document: object) -> None:
    """Raises DocumentError for too many values, too deep nesting, or text that is no text. Does not recurse."""
    values = 0
    open_values = [(document, 1)]
    while open_values:
        value, depth = open_values.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict | list):
            values += len(value)
            if values > MAX_VALUES:
                raise DocumentError(f"too large: more than {MAX_VALUES} values")
            if depth > MAX_DEPTH:
                raise DocumentError(f"nested more than {MAX_DEPTH} deep")
            if isinstance(value, dict):
                open_values += [(key, depth) for key in value]
                value = list(value.values())
            open_values += [(each, depth + 1) for each in value]


def _check_text(text: str) -> None:
    """JSON can escape half of a surrogate pair. Such text cannot be printed or written."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise DocumentError(f"not text: the lone surrogate in {shorten(ascii(text), 80)}") from None
