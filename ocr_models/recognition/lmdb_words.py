"""Words in LMDBs: `num-samples`, and from 1 on `image-%09d` (the file's bytes) and `label-%09d` (UTF-8)."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import lmdb
import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError, shown
from ocr_models.images.reading import MAX_FILE_BYTES, decode_image
from ocr_models.recognition.decoded_words import DecodedWords, decode_words
from ocr_models.recognition.labels import LabelFilter
from ocr_models.recognition.lmdb_files import DATA_FILE, open_lmdb, read_value
from ocr_models.recognition.packed_texts import TextPacker
from ocr_models.recognition.word_set import Words

COUNT_KEY = "num-samples"
MAX_SAMPLES = 999_999_999
"""Keys have nine digits."""

MAX_LABEL_BYTES = 2**16

MAX_FOLDERS, MAX_DEPTH = 10_000, 6
"""Of the search for LMDBs: links may lead in circles, and any folder may be named by mistake."""


def lmdb_folders(folder: Path) -> list[Path]:
    """All folders with an LMDB, from `folder` downwards, in the order of their paths. Hidden folders are left out.

    Raises:
        DataError: if a folder cannot be read, or there are too many.
    """
    found, waiting, visited = [], [(folder, 0)], 0
    while waiting:
        place, depth = waiting.pop()
        visited += 1
        if visited > MAX_FOLDERS:
            raise DataError(f"{shown(folder)}: more than {MAX_FOLDERS} folders; name a folder of LMDBs")
        try:
            with os.scandir(place) as entries:
                inside = sorted(entry.name for entry in entries if entry.name == DATA_FILE or _is_shown_folder(entry))
        except OSError as error:
            raise DataError(f"{shown(place)}: cannot be read: {error.strerror or error}") from error
        if DATA_FILE in inside:
            found.append(place)
        elif depth < MAX_DEPTH:
            waiting.extend((place / name, depth + 1) for name in reversed(inside))
    return found


def _is_shown_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


@dataclass(frozen=True)
class LmdbImages:
    """Images in one or more LMDBs, a `WordImages`.

    Attributes:
        root: folder of the data set.
        folders: of the LMDBs, relative to `root`.
        sources: (n,) index of the LMDB of each image.
        numbers: (n,) number of each image in its LMDB, from 1.
    """

    root: Path
    folders: tuple[str, ...]
    sources: NDArray[np.uint16]
    numbers: NDArray[np.int64]

    @cached_property
    def _paths(self) -> tuple[Path, ...]:
        return tuple(self.root / folder for folder in self.folders)

    @cached_property
    def _shown(self) -> tuple[str, ...]:
        return tuple(shown(path) for path in self._paths)

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, index: int) -> str:
        return f"{self.folders[self.sources[index]]}: {image_key(int(self.numbers[index]))}"

    def load(self, index: int, *, grey: bool) -> NDArray[np.uint8]:
        source = self.sources[index]
        key = image_key(int(self.numbers[index]))
        encoded = read_value(self._paths[source], key)
        place = f"{self._shown[source]}: {key}"
        if not encoded:
            raise DataError(f"{place}: it is empty; replace it")
        if len(encoded) > MAX_FILE_BYTES:
            raise DataError(f"{place}: larger than {MAX_FILE_BYTES // 2**20} MiB; replace it")
        return decode_image(encoded, place, grey=grey)

    def update(self, digest: hashlib._Hash) -> None:
        digest.update("\n".join(self.folders).encode("utf-8", "surrogateescape"))
        digest.update(self.sources.astype("<u2").tobytes() + self.numbers.astype("<i8").tobytes())

    def decoded(self, cache_dir: Path) -> DecodedWords:
        status = [(self.root / folder / DATA_FILE).stat() for folder in self.folders]
        identity = [f"{self.root.resolve()}", *(f"{each.st_size} {each.st_mtime_ns}" for each in status)]
        return decode_words(self, identity, cache_dir)


def image_key(number: int) -> str:
    """Of the bytes of an image file; numbers start at 1."""
    return f"image-{number:09d}"


def label_key(number: int) -> str:
    """Of the transcription of an image."""
    return f"label-{number:09d}"


def read_lmdbs(root: Path, folders: Sequence[Path], labels: LabelFilter) -> Words:
    """The words of LMDBs in folders below `root`, those that `labels` keeps.

    Labels are read in the order in which they lie in the file; images are only read when they are loaded.

    Raises:
        DataError: if an LMDB is no word set, lacks a label or is damaged, or a label is not UTF-8.
    """
    sources, numbers, texts = array("H"), array("q"), TextPacker()
    relative = tuple(os.path.relpath(folder, root) for folder in folders)
    for source, folder in enumerate(folders):
        name = f"{shown(relative[source])}: "
        for number, key, transcription in _read_labels(folder):
            label = labels.label(transcription, name, key)
            if label is not None:
                sources.append(source)
                numbers.append(number)
                texts.append(label)
    images = LmdbImages(root, relative, np.array(sources, np.uint16), np.array(numbers, np.int64))
    return Words(texts.packed(), images)


def _read_labels(folder: Path) -> Iterator[tuple[int, str, str]]:
    """(number, key, transcription) of all words of one LMDB."""
    count = _count(folder)
    place = shown(folder)
    number, key = 1, label_key(1)
    try:
        with open_lmdb(folder).begin() as transaction:
            for stored, value in _from_key(transaction, key.encode()):
                if number > count or stored != key.encode():
                    break
                yield number, key, _decoded(value, f"{place}: {key}")
                number += 1
                key = label_key(number)
            is_there = transaction.get(key.encode()) is not None
            last = image_key(count)
            has_images = not count or transaction.get(last.encode()) is not None
    except lmdb.Error as error:
        raise DataError(f"{place}: {key}: cannot be read: {shown(error, 160)}") from error
    if number <= count:
        raise DataError(f"{place}: {key}: no such key, but {COUNT_KEY} is {count}")
    if is_there:
        raise DataError(f"{place}: {key}: {COUNT_KEY} is only {count}; write the right number")
    if not has_images:
        raise DataError(f"{place}: {last}: no such key, but {COUNT_KEY} is {count}")


def _from_key(transaction: lmdb.Transaction, key: bytes) -> Iterator[tuple[bytes, bytes]]:
    with transaction.cursor() as cursor:
        if cursor.set_range(key):
            for stored, value in cursor:
                yield bytes(stored), bytes(value)


def _count(folder: Path) -> int:
    open_lmdb(folder)  # raises what has nothing to do with the keys
    try:
        value = read_value(folder, COUNT_KEY)
    except DataError as error:
        raise DataError(f"{error}; an LMDB of words has {COUNT_KEY}, {image_key(1)}, {label_key(1)}, ...") from error
    if not value.isdigit() or int(value[:20]) > MAX_SAMPLES:
        raise DataError(f"{shown(folder)}: {COUNT_KEY}: {shown(value, 40)} is no number up to {MAX_SAMPLES}")
    return int(value)


def _decoded(value: bytes, place: str) -> str:
    if len(value) > MAX_LABEL_BYTES:
        raise DataError(f"{place}: a label of {len(value)} bytes is no word")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place}: cannot be read as UTF-8 (byte 0x{value[error.start]:02x}); write the label as UTF-8"
        ) from error
