"""Reading of image files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, in no particular order."""
    return [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]


def load_image(path: Path) -> NDArray[np.uint8]:
    """The image as (H, W, 3) uint8 RGB. An `.npy` file is mapped into memory, read-only.

    Raises:
        DataError: if the file is missing, unreadable or a truncated JPEG.
    """
    if path.suffix == ".npy":
        return _map_decoded(path)
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if _is_truncated_jpeg(encoded):
        raise DataError(f"{path}: truncated JPEG (no end-of-image marker); replace the file")
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:  # an empty file, or sizes beyond OpenCV's limits
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"no memory to decode {path}") from error
        image = None
    if image is None:
        raise DataError(f"{path}: not an image that OpenCV can decode; replace the file")
    return np.asarray(image, np.uint8)


def _map_decoded(path: Path) -> NDArray[np.uint8]:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a decoded image: {error}; delete it") from error


def _is_truncated_jpeg(encoded: bytes) -> bool:
    """OpenCV fills the missing part of a truncated JPEG with grey and reports nothing, but the end-of-image marker is
    missing in such a file.

    Image data contain no markers, because 0xFF is escaped in them. So a complete file has its end marker after its last
    start of a scan. A thumbnail in the header has both markers too, but before the scan that was truncated.
    """
    return encoded.startswith(b"\xff\xd8") and encoded.rfind(b"\xff\xd9") < encoded.rfind(b"\xff\xda")
