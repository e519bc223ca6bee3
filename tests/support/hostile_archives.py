"""Zip archives that claim what is not true, byte by byte: `zipfile` would not write them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14


@dataclass(frozen=True)
class Member:
    """A file as the archive describes it.

    Attributes:
        data: its packed bytes.
        content: what the archive claims that they unpack to.
        shares: whether it has the bytes of the member before it, so that both overlap in the archive.
    """

    name: bytes
    data: bytes = b""
    compression: int = STORED
    content: bytes = b""
    size: int | None = None
    flags: int = 0
    shares: bool = False


def deflated(name: str, content: bytes, *, claimed: bytes | None = None, shares: bool = False) -> Member:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(content) + packer.flush()
    return Member(name.encode(), data, DEFLATED, content if claimed is None else claimed, shares=shares)


def forged(path: Path, members: Iterable[Member]) -> Path:
    """An archive of these members."""
    body, directory, offset, count = bytearray(), bytearray(), 0, 0
    for count, member in enumerate(members, start=1):  # noqa: B007 - the number of members
        size = len(member.content) if member.size is None else member.size
        common = (member.flags, member.compression, 0, 33, zlib.crc32(member.content), len(member.data), size)
        if not member.shares:
            offset = len(body)
            body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *common, len(member.name), 0) + member.name + member.data
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *common, len(member.name), 0, 0, 0, 0, 0, offset)
        directory += member.name
    shown = min(count, 2**16 - 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, shown, shown, len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory + end))
    return path
