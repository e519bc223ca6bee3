"""Reading of zip archives that anyone may have made: in bounded time and memory, or refused in one line.

An archive says itself how large its files are. What is read is bounded by that, and a file that turns out to be larger
or smaller is damaged. `zipfile` reads the directory; the files are unpacked here, because `zipfile` bounds what a piece
of a file may become only for deflate, not for bzip2 and LZMA.
"""

from __future__ import annotations

import bz2
import copy
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ocr_models.bounded import ZipReader, open_regular
from ocr_models.errors import shown

MAX_DICTIONARY_BYTES = 128 * 2**20
"""Of LZMA. The largest setting of common packers is half of it."""

_LZMA_HEADER_BYTES = 4  # a version, and the length of the properties, 2 bytes each
_LZMA_PROPERTIES_BYTES = 5
_IS_ENCRYPTED = 0x01
_HAS_END_MARKER = 0x02  # flag of an LZMA member: its stream ends itself


class EvaluationError(ValueError):
    """Input that cannot be evaluated. The message is one line: the file, the line and the fault."""


@dataclass(frozen=True)
class Limits:
    """What is read of an archive at most. 500 images of 16 texts each have 0.3 MB.

    Attributes:
        files: number of files to be read.
        size: bytes of these files together, packed and unpacked; also of the archive's directory.
    """

    files: int = 12_000
    size: int = 4 * 2**20


def read_members(
    path: str | os.PathLike[str], is_wanted: Callable[[str], bool], limits: Limits | None
) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the wanted files of an archive, in its order. `limits` is None for an archive of our own.

    Raises:
        EvaluationError: if the archive cannot be read, has a file twice, or is beyond the limits.
    """
    place = shown(path)
    try:
        file = open_regular(path)
        with file if limits is None else ZipReader(file, limits.size) as opened, zipfile.ZipFile(opened) as archive:
            members = [member for member in archive.infolist() if is_wanted(member.filename)]
            _check(members, place, limits)
            for member in members:
                yield member.filename, _content(archive, member)
    except EvaluationError:
        raise
    except OSError as error:
        raise EvaluationError(f"{place}: cannot be read: {error.strerror or shown(error)}") from None
    except Exception as error:  # zipfile and the decompressors fail in many ways on damaged bytes
        reason = shown(error) if str(error) else type(error).__name__
        raise EvaluationError(f"{place}: not a readable zip archive: {reason}") from None


def _check(members: list[zipfile.ZipInfo], place: str, limits: Limits | None) -> None:
    names: set[str] = set()
    for member in members:
        if member.filename in names:
            raise EvaluationError(f"{place}: {shown(member.filename)}: is in the archive twice")
        names.add(member.filename)
    if limits is None:
        return
    if len(members) > limits.files:
        raise EvaluationError(f"{place}: {len(members)} files to be read; at most {limits.files} are")
    # Both: files that overlap in the archive make the packed sizes larger than the archive.
    size = max(sum(member.file_size for member in members), sum(member.compress_size for member in members))
    if size > limits.size:
        largest = max(members, key=lambda member: max(member.file_size, member.compress_size))
        raise EvaluationError(
            f"{place}: its files have {size} bytes, at most {limits.size} are read; "
            f"the largest is {shown(largest.filename)}, {largest.file_size} bytes"
        )


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The unpacked file, of exactly the size and checksum that the directory states."""
    name = shown(member.filename)
    if member.flag_bits & _IS_ENCRYPTED:
        raise NotImplementedError(f"{name} is encrypted; pack the files without a password")
    packed = copy.copy(member)  # read as if it were stored, so that zipfile only finds and reads it
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    del packed.CRC  # that of the unpacked file
    with archive.open(packed) as file:
        data = file.read()
    try:
        content = _unpacked(data, member)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, MemoryError) as error:
        raise zipfile.BadZipFile(f"{name} is damaged: {shown(error) or type(error).__name__}") from None
    if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
        raise zipfile.BadZipFile(f"{name} is damaged: size or checksum is not that of the archive's directory")
    return content


def _unpacked(data: bytes, member: zipfile.ZipInfo) -> bytes:
    """At most one byte more than the directory states, so that a file which is too large is noticed."""
    most = member.file_size + 1
    if member.compress_type == zipfile.ZIP_STORED:
        return data
    if member.compress_type == zipfile.ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, most)
    if member.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor().decompress(data, most)
    if member.compress_type == zipfile.ZIP_LZMA:
        return _unpacked_lzma(data, member, most)
    raise NotImplementedError(
        f"{shown(member.filename)}: compression {member.compress_type} is not supported; pack the files with deflate"
    )


def _unpacked_lzma(data: bytes, member: zipfile.ZipInfo, most: int) -> bytes:
    """The stream is that of a .lzma file, whose header is the properties and the size."""
    end = _LZMA_HEADER_BYTES + _LZMA_PROPERTIES_BYTES
    if int.from_bytes(data[2:_LZMA_HEADER_BYTES], "little") != _LZMA_PROPERTIES_BYTES:
        raise lzma.LZMAError("unknown properties")
    size = 2**64 - 1 if member.flag_bits & _HAS_END_MARKER else member.file_size
    stream = data[_LZMA_HEADER_BYTES:end] + size.to_bytes(8, "little") + data[end:]
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_DICTIONARY_BYTES).decompress(stream, most)
