"""Decoded images on disk, mapped into memory: the loader without the JPEG decoder, for who asks what decoding costs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from ocr_models.data.icdar2015 import AnnotatedImage, DataError, load_image


def decoded_images(images: Sequence[AnnotatedImage], cache_dir: Path) -> tuple[AnnotatedImage, ...]:
    """The same images as `.npy` files under `cache_dir`, which `load_image` maps; decoded where they are not yet there.

    An image that has changed since, by size or time, is decoded anew. Processes that start together decode each once.
    Takes three bytes a pixel. Raises DataError where an image is bad or the cache cannot be written.
    """
    folder = cache_dir / "decoded"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            return tuple(replace(image, path=_decoded(image.path, folder)) for image in images)
    except OSError as error:
        raise DataError(
            f"{folder}: decoded images cannot be written: {error.strerror or error}; run without the cache"
        ) from error


def _decoded(path: Path, folder: Path) -> Path:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    identity = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    target = folder / f"{path.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npy"
    if not target.exists():
        unfinished = target.with_suffix(".unfinished")
        with open(unfinished, "wb") as file:
            np.save(file, load_image(path))
        os.replace(unfinished, target)
    return target
