"""A log as lines of text, in bounded memory, whatever its size, encoding and line ends."""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

CHUNK_BYTES = 1 << 18
MAX_LINE = 1 << 20
"""Characters of a line. A longer one is dropped; if it has the keyword, the log cannot be used."""

KEPT_CHARACTERS = 1 << 12
"""Of the end of a line that is too long. A keyword is shorter."""

_LINE_END = re.compile(r"[\r\n]")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)|[()][0-9A-B])")
_BYTES_PER_CHARACTER = re.compile(rb"[\t\r\n -~]{24}")
"""In UTF-16, where ASCII text has NUL bytes, it is nearly impossible: what follows was added by another program."""

_SPECIAL_FILES = {
    stat.S_IFIFO: "it is a named pipe (FIFO); write the log to a file first",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
    stat.S_IFSOCK: "it is a socket, not a file",
}
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}


class LogError(Exception):
    """A log that cannot be read: one line that says why."""


@dataclass(frozen=True)
class Line:
    """A line of a log, without colour codes.

    Attributes:
        number: from 1. A carriage return ends a line, as in progress bars, but does not count.
        text: without its end; a part of a line that is too long.
        ended: whether it has an end; the last line of an interrupted log has none.
        too_long: whether it has more than MAX_LINE characters.
    """

    number: int
    text: str
    ended: bool = True
    too_long: bool = False


def lines_of(path: Path, wanted: re.Pattern[str]) -> Iterator[Line]:
    """The lines of a log in which a pattern is found. The pattern must not match a line end.

    Raises:
        LogError: if it is no file of text.
        OSError: if it cannot be read.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind in _SPECIAL_FILES:
        raise LogError(_SPECIAL_FILES[kind])
    with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:  # Path.open has no opener
        yield from _matching(_decoded(file), wanted)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _decoded(file: FileIO) -> Iterator[str]:
    """The text of a file in chunks. Bytes that are no text of the encoding are replaced, NUL bytes are dropped."""
    chunk = _read(file)
    encoding = encoding_of(chunk)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while chunk:
        if encoding.startswith("utf-16") and _BYTES_PER_CHARACTER.search(chunk):
            raise LogError("a part of it is UTF-16, another is not; convert it to UTF-8 first, for example with iconv")
        yield decoder.decode(chunk).replace("\0", "")
        chunk = _read(file)
    yield decoder.decode(b"", final=True)


def _read(file: FileIO) -> bytes:
    chunk: bytes | None = file.read(CHUNK_BYTES)
    if chunk is None:
        raise LogError("it has no end: reading it would wait for more")
    return chunk


def encoding_of(head: bytes) -> str:
    """Encoding of a log that begins with these bytes.

    Raises:
        LogError: if it is compressed, or UTF-32.
    """
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            raise LogError(f"it is compressed ({name}); unpack it first")
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise LogError("its encoding is UTF-32; convert it to UTF-8 first, for example with iconv")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return _encoding_without_mark(head)


def _encoding_without_mark(head: bytes) -> str:
    """ASCII characters have one NUL byte in UTF-16, the second or the first of two, and three of four in UTF-32."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    pairs = max(1, len(head) // 2)
    if max(even, odd) < 0.4 * pairs:
        return "utf-8-sig"
    if min(even, odd) < 0.1 * max(even, odd):
        return "utf-16-be" if even > odd else "utf-16-le"
    if 0.2 * pairs < min(even, odd) < 0.8 * max(even, odd):
        raise LogError("its encoding seems to be UTF-32; convert it to UTF-8 first, for example with iconv")
    return "utf-8-sig"


def _matching(chunks: Iterator[str], wanted: re.Pattern[str]) -> Iterator[Line]:
    number, rest, dropped = 1, "", False
    for chunk in chunks:
        text = rest + chunk
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        block, rest = _without_escapes(text[:end]), text[end:]
        yield from _matching_in_block(block, wanted, number, dropped)
        number += block.count("\n")
        dropped = dropped and not block
        if len(rest) > MAX_LINE:
            rest, dropped = _shortened(rest, wanted), True
    rest = _without_escapes(rest)
    if wanted.search(rest):
        yield Line(number, rest, ended=False, too_long=dropped)


def _matching_in_block(block: str, wanted: re.Pattern[str], number: int, first_dropped: bool) -> Iterator[Line]:
    """Of whole lines. They are not split one by one: a log may consist of line ends."""
    at = 0
    while (match := wanted.search(block, at)) is not None:
        line_end = _LINE_END.search(block, match.end())
        assert line_end is not None, "a block ends with a line end"
        start = max(at, block.rfind("\n", at, match.start()) + 1, block.rfind("\r", at, match.start()) + 1)
        number += block.count("\n", at, start)
        too_long = line_end.start() - start > MAX_LINE or (first_dropped and start == 0)
        yield Line(number, block[start : line_end.start()], too_long=too_long)
        number += line_end[0] == "\n"
        at = line_end.end()


def _shortened(text: str, wanted: re.Pattern[str]) -> str:
    """What to keep of a line that is too long: what was wanted, and the end, which may be a part of it."""
    match = wanted.search(text)
    return (f"{match[0]} " if match else "") + text[-KEPT_CHARACTERS:]


def _without_escapes(text: str) -> str:
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def file_error(error: OSError) -> str:
    """Why a file cannot be read, without its path."""
    return error.strerror or os.strerror(error.errno or 5)
