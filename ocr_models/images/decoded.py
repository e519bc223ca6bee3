"""Decoded images on disk, mapped into memory: loading without the JPEG decoder, to measure what decoding costs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from filelock import FileLock

from ocr_models.errors import DataError, shown
from ocr_models.files import atomic_write
from ocr_models.images.reading import image_size, load_image, map_decoded

DECODING_VERSION = 2
"""Increase it if `load_image` yields other pixels, so that older files are not used. Version 1 obeyed EXIF."""

MAX_STEM_BYTES = 100


def decode_images(paths: Iterable[Path], cache_dir: Path) -> list[Path]:
    """The images as `.npy` files below `cache_dir`, in the same order; missing files are made now.

    An image whose size or time has changed is decoded again, and so is one whose cache file is damaged. Processes that
    start together decode each image once. A file takes three bytes per pixel.

    Raises:
        DataError: if an image is bad or the cache cannot be written.
    """
    folder = cache_dir / "decoded"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            return [_decode(path, folder) for path in paths]
    except OSError as error:
        raise DataError(
            f"{shown(error.filename or folder)}: decoded images cannot be written: {error.strerror or error}; "
            "run without the cache"
        ) from error


def _decode(path: Path, folder: Path) -> Path:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read: {error.strerror}") from error
    identity = f"{DECODING_VERSION} {path.resolve()} {status.st_size} {status.st_mtime_ns}"
    digest = hashlib.sha256(os.fsencode(identity)).hexdigest()[:16]
    target = folder / f"{_shortened(path.stem)}-{digest}.npy"
    if not _holds_image(target, path):
        with atomic_write(target) as file:
            np.save(file, load_image(path))
    return target


def _shortened(stem: str) -> str:
    """A file name has at most 255 bytes, and the longest that an image has must leave room for the rest."""
    return os.fsdecode(os.fsencode(stem)[:MAX_STEM_BYTES])


def _holds_image(target: Path, path: Path) -> bool:
    """Whether a cache file has the size of its image. An empty or foreign one is replaced."""
    if not os.path.lexists(target):
        return False
    try:
        return map_decoded(target).shape[:2] == image_size(path)
    except DataError:
        return False
