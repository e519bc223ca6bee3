"""Reading of image files."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError, shown
from ocr_models.files import open_regular_file, read_regular_file
from ocr_models.images.codec_messages import with_codec_messages
from ocr_models.images.headers import START_OF_SCAN, fault_in_file, size_in_header

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MAX_FILE_BYTES = 2**28
MAX_PIXELS = 2**27
MAX_SCANNED_PIXELS = 2**31
"""In all scans of a progressive JPEG. More would take a minute to decode, also if the file itself is small."""

AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
"""Annotations are in pixels of the image as stored. By default OpenCV turns it by its EXIF orientation."""

AS_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION

_HEADER_BYTES = 2**16


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, in no particular order, without hidden files.

    Raises:
        DataError: if the folder cannot be read, or something else has the name of an image.
    """
    try:
        with os.scandir(folder) as entries:
            named = [entry for entry in entries if not entry.name.startswith(".")]
            found = [entry for entry in named if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES]
            odd = [entry.path for entry in found if not _is_file(entry)]
    except OSError as error:
        raise DataError(f"{shown(folder)}: cannot be read: {error.strerror or error}") from error
    if odd:
        raise DataError(f"{shown(min(odd))}: not a regular file but a folder, FIFO, device or dead link; replace it")
    return [folder / entry.name for entry in found]


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def load_image(path: Path) -> NDArray[np.uint8]:
    """The image as stored, (H, W, 3) uint8 RGB. An `.npy` file is mapped into memory, read-only.

    Raises:
        DataError: if the file is missing, unreadable or damaged, or is no JPEG or PNG image.
    """
    if path.suffix == ".npy":
        return map_decoded(path)
    return decode_image(read_regular_file(path, MAX_FILE_BYTES), shown(path))


def decode_image(encoded: bytes, name: str, *, grey: bool = False) -> NDArray[np.uint8]:
    """The image of a JPEG or PNG file as stored, (H, W, 3) uint8 RGB, or its brightness, (H, W).

    Args:
        encoded: the content of the file.
        name: of the file, for messages; safe to print.
        grey: whether the decoder yields the brightness.

    Raises:
        DataError: if it is damaged, or is no JPEG or PNG image.
    """
    if (fault := fault_in_file(encoded)) is not None:
        raise DataError(f"{name}: {fault}; replace the file")
    if (size := size_in_header(encoded)) is not None:
        _check_effort(name, *size, scans=encoded.count(START_OF_SCAN))
    image, messages = with_codec_messages(lambda: _decode(encoded, name, AS_GREY if grey else AS_STORED))
    damage = [message for message in messages if not message.startswith("libpng warning")]  # those are harmless
    if image is None:
        reason = f" ({damage[0]})" if damage else ""
        raise DataError(f"{name}: not an image that OpenCV can decode{reason}; replace the file")
    if damage:
        raise DataError(f"{name}: damaged image ({shown(damage[0])}); replace the file")
    return np.asarray(image, np.uint8)


def _check_effort(name: str, height: int, width: int, scans: int) -> None:
    if height * width > MAX_PIXELS:
        raise DataError(f"{name}: {width} x {height} pixels are more than {MAX_PIXELS // 10**6} million")
    if height * width * scans > MAX_SCANNED_PIXELS:
        raise DataError(f"{name}: {scans} scans of {width} x {height} pixels would take too long to decode")


def _decode(encoded: bytes, name: str, flags: int) -> NDArray[np.generic] | None:
    try:
        return cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:  # an empty file, or sizes beyond OpenCV's limits
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"no memory to decode {name}") from error
        return None


def image_size(path: Path) -> tuple[int, int] | None:
    """(height, width) from the header of an image file, as stored; None if it has no such header.

    Raises:
        DataError: if it cannot be read.
    """
    with open_regular_file(path) as file:
        size = size_in_header(file.read(_HEADER_BYTES))
    return size_in_header(read_regular_file(path, MAX_FILE_BYTES)) if size is None else size


def map_decoded(path: Path) -> NDArray[np.uint8]:
    """A decoded image, (H, W, 3) uint8, mapped into memory, read-only.

    Raises:
        DataError: if the file is anything else.
    """
    open_regular_file(path).close()
    try:
        pixels = np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except (OSError, ValueError, OverflowError, EOFError, SyntaxError) as error:
        raise DataError(f"{shown(path)}: not a decoded image: {shown(error, 160)}; delete it") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.flags.c_contiguous:
        found = f"{pixels.dtype} of shape {pixels.shape}"
        raise DataError(f"{shown(path)}: not a decoded image: {shown(found, 160)}; delete it")
    if not pixels.size:
        raise DataError(f"{shown(path)}: not a decoded image: it has no pixels; delete it")
    return pixels
