"""Words: images of single words with their labels, as every recognition data set provides them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from ocr_models.recognition.packed_texts import PackedTexts, checked_index

Layout = Literal["lmdb", "paddleocr", "icdar2015", "mmocr"]


class WordImages(Protocol):
    """The images of a word set, by index. It can be pickled; what it has opened is opened again where it arrives."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """Of one image, relative to the folder of the set."""

    def load(self, index: int, *, grey: bool) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, or (H, W) brightness; raises DataError for an image that cannot be used."""

    def update(self, digest: hashlib._Hash) -> None:
        """Add all names to a hash."""

    def decoded(self, cache_dir: Path) -> WordImages:
        """The same images, decoded once into files below `cache_dir`; raises DataError."""


@dataclass(frozen=True)
class Word:
    """One image of a word.

    Attributes:
        name: path of the image file, or LMDB and key, relative to the folder of the set.
        label: as trained on.
        images, index: where its image is.
    """

    name: str
    label: str
    images: WordImages = field(repr=False)
    index: int = field(repr=False)

    def load(self, grey: bool = False) -> NDArray[np.uint8]:
        """The pixels as stored, (H, W, 3) uint8 RGB, or (H, W): the brightness as the decoder yields it.

        Raises:
            DataError: if the image is missing or damaged, or is no JPEG or PNG image. It names the file, or the folder
                and key of the LMDB.
        """
        return self.images.load(self.index, grey=grey)


class Words(Sequence[Word]):
    """The words of a set, each made on demand, so that many millions take little memory."""

    def __init__(self, labels: PackedTexts, images: WordImages) -> None:
        """Raises ValueError if the numbers of labels and images differ."""
        if len(labels) != len(images):
            raise ValueError(f"{len(labels)} labels for {len(images)} images")
        self.labels = labels
        self.images = images

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, index: int) -> Word: ...
    @overload
    def __getitem__(self, index: slice) -> list[Word]: ...

    def __getitem__(self, index: int | slice) -> Word | list[Word]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        position = checked_index(index, len(self))
        return Word(self.images.name(position), self.labels[position], self.images, position)


@dataclass(frozen=True)
class WordSet:
    """One split of a word set, an `ocr_models.task.DataSet`.

    Attributes:
        root: folder of the data set.
        layout: name of the layout it was read from.
        words: in the order of their label file or LMDB.
        excluded: reason -> number of words that the model's rule for labels leaves out.
        remarks: what a user should know about the labels although they can be used, one line each.
    """

    root: Path
    layout: Layout
    words: Words
    excluded: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of words."""
        return len(self.words)

    def digest(self) -> str:
        """16 hexadecimal digits of names and labels; independent of the folder and of decoding."""
        content = hashlib.sha256()
        self.words.labels.update(content)
        self.words.images.update(content)
        return content.hexdigest()[:16]

    def same_image(self, one: int, other: int) -> bool:
        """Whether the images of two indices have the same pixels."""
        return np.array_equal(self.words[one].load(), self.words[other].load())

    def with_decoded_images(self, cache_dir: Path) -> WordSet:
        """The same split; its images are decoded once into files below `cache_dir` and mapped into memory.

        Raises:
            DataError: if an image is bad or the cache cannot be written.
        """
        return replace(self, words=Words(self.words.labels, self.words.images.decoded(cache_dir)))
