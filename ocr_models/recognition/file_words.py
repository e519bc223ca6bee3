"""Words as image files, named by a label file."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError, shown
from ocr_models.files import is_regular_file, read_regular_file
from ocr_models.images.reading import MAX_FILE_BYTES, decode_image, images_in
from ocr_models.recognition.decoded_words import DecodedWords, decode_words
from ocr_models.recognition.label_files import read_labels
from ocr_models.recognition.labels import LabelFilter
from ocr_models.recognition.packed_texts import PackedTexts, TextPacker
from ocr_models.recognition.word_set import Layout, Words
from ocr_models.text_lines import LineError, check_unicode, natural_key


@dataclass(frozen=True)
class FileImages:
    """Image files, a `WordImages`.

    Attributes:
        folder: to which the paths are relative.
        paths: of the image files, normalised.
    """

    folder: Path
    paths: PackedTexts

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        return self.paths[index]

    def load(self, index: int, *, grey: bool) -> NDArray[np.uint8]:
        path = self.folder / self.paths[index]
        return decode_image(read_regular_file(path, MAX_FILE_BYTES), shown(path), grey=grey)

    def update(self, digest: hashlib._Hash) -> None:
        self.paths.update(digest)

    def decoded(self, cache_dir: Path) -> DecodedWords:
        return decode_words(self, self._states(), cache_dir)

    def _states(self) -> Iterator[str]:
        yield str(self.folder.resolve())
        for name in self.paths:
            try:
                status = (self.folder / name).stat()
            except OSError as error:
                raise DataError(f"{shown(self.folder / name)}: cannot be read: {error.strerror}") from error
            yield f"{status.st_size} {status.st_mtime_ns}"


def read_label_file(root: Path, label_file: Path, folder: Path, labels: LabelFilter) -> tuple[Layout, Words]:
    """The words of a label file, those that `labels` keeps, in the order of its lines.

    Args:
        root: folder of the data set.
        label_file: names the images.
        folder: to which the paths of the images are relative.
        labels: decides what is kept.

    Raises:
        DataError: if a line is malformed, an image is missing or has two labels, or, in the layout of ICDAR 2015, an
            image has no label.
    """
    layout, samples = read_labels(label_file)
    source = shown(os.path.relpath(label_file, root))
    paths, texts = TextPacker(), TextPacker()
    seen = array("q")
    for place, (name, transcription) in samples:
        path = os.path.normpath(name)  # a/../b.jpg and b.jpg are one image
        try:
            check_unicode(transcription)
            if not is_regular_file(folder / path):
                advice = "; write / instead of \\ in paths" if "\\" in name else ""
                raise LineError(f"label without image; expected {shown(folder / path)}, a file{advice}")
        except LineError as error:
            raise DataError(f"{shown(label_file)}{place}: {error}") from error
        seen.append(hash(path))
        label = labels.label(transcription, source, place)
        if label is not None:
            paths.append(path)
            texts.append(label)
    _check_distinct(label_file, seen)
    if layout == "icdar2015":
        _check_labelled(label_file, folder, seen)
    return layout, Words(texts.packed(), FileImages(folder, paths.packed()))


def _check_distinct(label_file: Path, seen: array[int]) -> None:
    """Only if two paths have the same hash, the file is read again."""
    hashes = np.sort(np.array(seen, np.int64))
    doubled = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    if not doubled:
        return
    first: dict[str, str] = {}
    for place, (name, _) in read_labels(label_file)[1]:
        path = os.path.normpath(name)
        if path in first:
            raise DataError(
                f"{shown(label_file)}{place}: {shown(name)} already has a label at "
                f"{shown(label_file.name)}{first[path]}; keep one of the two"
            )
        if hash(path) in doubled:
            first[path] = place


def _check_labelled(label_file: Path, folder: Path, seen: array[int]) -> None:
    labelled = set(seen)
    if unlabelled := [path.name for path in images_in(folder) if hash(path.name) not in labelled]:
        name = min(unlabelled, key=natural_key)
        raise DataError(f"{shown(folder / name)}: image without label in {label_file.name}")
