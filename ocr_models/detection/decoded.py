"""Decoded images on disk, mapped into memory: loading without the JPEG decoder, to measure what decoding costs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from filelock import FileLock

from ocr_models.detection.images import load_image
from ocr_models.errors import DataError
from ocr_models.files import atomic_write


def decode_images(paths: Iterable[Path], cache_dir: Path) -> list[Path]:
    """The images as `.npy` files below `cache_dir`, in the same order; missing files are made now.

    An image whose size or time has changed is decoded again. Processes that start together decode each image once.
    A file takes three bytes per pixel.

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
            f"{folder}: decoded images cannot be written: {error.strerror or error}; run without the cache"
        ) from error


def _decode(path: Path, folder: Path) -> Path:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    identity = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    target = folder / f"{path.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npy"
    if not target.exists():
        with atomic_write(target) as file:
            np.save(file, load_image(path))
    return target
