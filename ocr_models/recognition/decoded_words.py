"""Decoded images of words: one file for a whole set, mapped into memory, because the images are small and many."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from ocr_models.errors import DataError, shown
from ocr_models.files import atomic_write

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import WordImages

DECODING_VERSION = 2
"""Increase it if loading yields other pixels, so that older files are not used."""

_PIXELS, _TABLE = "pixels.bin", "table.npy"


@dataclass(frozen=True)
class DecodedWords:
    """The images of a set from a cache folder, a `WordImages`.

    Attributes:
        images: the same images, undecoded.
        folder: has the colours of all images, one after the other, and the table of their positions.
    """

    images: WordImages
    folder: Path

    def __len__(self) -> int:
        return len(self.images)

    def name(self, index: int) -> str:
        return self.images.name(index)

    def load(self, index: int, *, grey: bool) -> NDArray[np.uint8]:
        if grey:  # which no model trains on, so it is not kept
            return self.images.load(index, grey=True)
        pixels, table = _mapped(self.folder)
        start, height, width = table[index].tolist()
        return pixels[start : start + 3 * height * width].reshape(height, width, 3)

    def update(self, digest: hashlib._Hash) -> None:
        self.images.update(digest)

    def decoded(self, cache_dir: Path) -> WordImages:
        return self.images.decoded(cache_dir)


@lru_cache(maxsize=8)
def _mapped(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(bytes of all pixels, (n, 3) position, height and width of each image), read-only.

    Raises:
        DataError: if the files are damaged.
    """
    try:
        table = np.asarray(np.lib.format.open_memmap(folder / _TABLE, mode="r"))
        pixels = np.asarray(np.memmap(folder / _PIXELS, np.uint8, mode="r"))
    except (OSError, ValueError, OverflowError, EOFError, SyntaxError) as error:
        raise DataError(f"{shown(folder)}: no decoded images: {shown(error, 160)}; delete it") from error
    if table.dtype != np.int64 or table.ndim != 2 or table.shape[1] != 3 or len(table) == 0:
        raise DataError(f"{shown(folder)}: no decoded images: a table of another form; delete it")
    start, height, width = table[-1].tolist()
    if start + 3 * height * width != len(pixels):
        raise DataError(f"{shown(folder)}: no decoded images: {len(pixels)} bytes of pixels are not all; delete it")
    return pixels, table


def decode_words(images: WordImages, identity: Iterable[str], cache_dir: Path) -> DecodedWords:
    """Images as files below `cache_dir`, which are made now if they are missing or damaged.

    Processes that start together decode the set once. It takes three bytes per pixel.

    Args:
        images: those to decode.
        identity: what changes if an image does, such as size and time of each file.
        cache_dir: of all that is kept.

    Raises:
        DataError: if an image is bad or the cache cannot be written.
    """
    digest = hashlib.sha256(f"{DECODING_VERSION}".encode())
    images.update(digest)
    for each in identity:
        digest.update(each.encode("utf-8", "surrogateescape") + b"\n")
    folder = cache_dir / "decoded" / f"words-{digest.hexdigest()[:16]}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / ".lock"):
            _mapped.cache_clear()
            if not _is_complete(folder, len(images)):
                _write(images, folder)
    except OSError as error:
        raise DataError(
            f"{shown(error.filename or folder)}: decoded images cannot be written: {error.strerror or error}; "
            "run without the cache"
        ) from error
    return DecodedWords(images, folder)


def _is_complete(folder: Path, count: int) -> bool:
    try:
        return len(_mapped(folder)[1]) == count
    except DataError:
        return False


def _write(images: WordImages, folder: Path) -> None:
    """The table is written last: a set without it is incomplete."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    table = np.empty((len(images), 3), np.int64)
    with atomic_write(folder / _PIXELS) as file:
        for index in range(len(images)):
            colours = images.load(index, grey=False)
            table[index] = (file.tell(), *colours.shape[:2])
            file.write(colours.tobytes())
    with atomic_write(folder / _TABLE) as file:
        np.save(file, table)
