"""What the bytes of a JPEG or PNG file say before anything is decoded: size, completeness, checksums."""

from __future__ import annotations

import struct
import zlib

JPEG_START, PNG_START = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"

_PNG_SIZE = struct.Struct(">8s4x4sII")  # signature, length and name of the first chunk, width, height
_PNG_CHUNK = struct.Struct(">I4s")  # length of the data, name; then the data and a checksum of name and data

_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15; the others are no frame headers
_WITHOUT_LENGTH = {0x00, 0x01, *range(0xD0, 0xD9), 0xFF}  # with an escaped 0xFF and a fill byte

_MAX_STEPS = 2**16
"""Segments and fill bytes before the frame header of a JPEG. Real files have tens."""


def size_in_header(encoded: bytes) -> tuple[int, int] | None:
    """(height, width) as stored, from the first bytes of a JPEG or PNG file; None if they do not contain it."""
    if encoded.startswith(PNG_START) and len(encoded) >= _PNG_SIZE.size:
        _, name, width, height = _PNG_SIZE.unpack_from(encoded)
        return (height, width) if name == b"IHDR" else None
    if encoded.startswith(JPEG_START):
        return _size_in_jpeg(encoded)
    return None


def _size_in_jpeg(encoded: bytes) -> tuple[int, int] | None:
    """Walk through the segments before the first scan: 0xFF, marker, length, data. Fill bytes 0xFF may precede it."""
    place = 2
    for _ in range(_MAX_STEPS):
        place = encoded.find(b"\xff", place)
        if place < 0 or place + 9 > len(encoded):
            return None
        marker = encoded[place + 1]
        if marker == START_OF_SCAN[1]:
            return None
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", encoded, place + 5)
            return height, width
        if marker in _WITHOUT_LENGTH:
            place += 1
        else:
            place += 2 + int.from_bytes(encoded[place + 2 : place + 4], "big")
    return None


def fault_in_file(encoded: bytes) -> str | None:
    """What is wrong with the structure of a whole JPEG or PNG file; None if nothing is."""
    if encoded.startswith(PNG_START):
        return _fault_in_png(encoded)
    if encoded.startswith(JPEG_START):
        return "truncated JPEG (no end-of-image marker)" if _is_truncated_jpeg(encoded) else None
    return "not an image in JPEG or PNG format"


def _is_truncated_jpeg(encoded: bytes) -> bool:
    """OpenCV fills the missing part of a truncated JPEG with grey, but the end-of-image marker is missing in such a
    file.

    Image data contain no markers, because 0xFF is escaped in them. So a complete file has its end marker after its last
    start of a scan. A thumbnail in the header has both markers too, but before the scan that was truncated.
    """
    return encoded.rfind(END_OF_IMAGE) < encoded.rfind(START_OF_SCAN)


def _fault_in_png(encoded: bytes) -> str | None:
    """Not every version of OpenCV compares the checksums."""
    place = len(PNG_START)
    while place + 12 <= len(encoded):
        length, name = _PNG_CHUNK.unpack_from(encoded, place)
        end = place + 8 + length
        if end + 4 > len(encoded):
            break
        if zlib.crc32(memoryview(encoded)[place + 4 : end]) != int.from_bytes(encoded[end : end + 4], "big"):
            return "damaged PNG (wrong checksum)"
        if name == b"IEND":
            return None
        place = end + 4
    return "truncated PNG (no end chunk)"
