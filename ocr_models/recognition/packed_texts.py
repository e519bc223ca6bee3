"""Millions of short texts in little memory: one block of bytes and the position of each end."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class PackedTexts(Sequence[str]):
    """An immutable sequence of texts. A list of Python strings takes ten times the memory for words.

    A text may contain bytes that are no UTF-8, as in file names (`os.fsdecode`).
    """

    def __init__(self, blob: bytes, ends: NDArray[np.int64]) -> None:
        """`ends` (n + 1,): 0, then where each text ends in `blob`. `TextPacker` makes both."""
        self._blob = blob
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        position = checked_index(index, len(self))
        encoded = self._blob[self._ends[position] : self._ends[position + 1]]
        return encoded.decode("utf-8", "surrogateescape")

    def update(self, digest: hashlib._Hash) -> None:
        """Add all texts to a hash."""
        digest.update(self._ends.astype("<i8").tobytes())
        digest.update(self._blob)


class TextPacker:
    """Packs texts one by one."""

    def __init__(self) -> None:
        self._blob = bytearray()
        self._ends = array("q", [0])

    def append(self, text: str) -> None:
        self._blob += text.encode("utf-8", "surrogateescape")
        self._ends.append(len(self._blob))

    def packed(self) -> PackedTexts:
        return PackedTexts(bytes(self._blob), np.array(self._ends, np.int64))


def checked_index(index: int, length: int) -> int:
    """An index of a sequence, counted from the start; raises IndexError if it is out of range."""
    position = index + length if index < 0 else index
    if not 0 <= position < length:
        raise IndexError(f"index {index} of {length}")
    return position
