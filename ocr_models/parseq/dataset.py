"""Training samples of PARSeq: image of a word -> augmented image, label and orders of reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.parseq.augmentation import augmented, compile_operations, draw_steps
from ocr_models.parseq.encoder import IMAGE_SIZE
from ocr_models.parseq.labels import CHARSET, END, PAD, START
from ocr_models.recognition.labels import MAX_CHARACTERS
from ocr_models.recognition.stretch import compile_stretching, stretched_planes
from ocr_models.recognition.word_dataset import WordDataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocr_models.recognition.word_set import Word
    from ocr_models.task import Lap

LABEL_WIDTH = MAX_CHARACTERS + 2  # tokens, with start and end
DRAWN_ORDERS = 2

Sample = tuple[Tensor, Tensor, Tensor]

_UNKNOWN = 255
_IDS = bytes(CHARSET.index(character) + 1 if (character := chr(code)) in CHARSET else _UNKNOWN for code in range(256))
"""Code of an ASCII character -> its token."""

_START, _END, _PAD = bytes((START,)), bytes((END,)), bytes((PAD,))


class PARSeqDataset(WordDataset[Sample]):
    """Samples by (word index, position in the endless stream).

    A sample is:

    - image (3, 32, 128) uint8, RGB, augmented
    - tokens (27,) uint8: start, characters, end, padding
    - orders (2, 25) uint8: two random permutations of the positions of the characters

    Normalisation and the other orders of reading follow on the device.
    """

    def __init__(self, words: Sequence[Word], *, seed: int, augment: bool = True) -> None:
        """`augment`: whether images are augmented."""
        super().__init__(words, seed=seed)
        self.augment = augment
        compile_operations()  # once, instead of in each process of the loader, which inherits or loads the machine code
        compile_stretching()

    def _sample(self, word: Word, source: NDArray[np.uint8], position: int, lap: Lap) -> Sample:
        rng = self._random(position)
        orders = rng.random((DRAWN_ORDERS, MAX_CHARACTERS)).argsort(1).astype(np.uint8)
        image = network_image(augmented(source, draw_steps(rng)) if self.augment else source)
        lap("warp")
        tokens = label_tokens(word.label)
        lap("labels")
        return torch.from_numpy(image), tokens, torch.from_numpy(orders)


def network_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (H, W, 3) uint8, stretched to what the network gets: (3, 32, 128)."""
    return stretched_planes(image, *IMAGE_SIZE)


def label_tokens(label: str) -> Tensor:
    """A label as trained on -> tokens (27,) uint8: start, characters, end, padding.

    Raises:
        ValueError: if it is longer than 25 characters, or has one outside the charset.
    """
    if label.isascii() and len(label) <= MAX_CHARACTERS:
        tokens = _START + label.encode("ascii").translate(_IDS) + _END
        if _UNKNOWN not in tokens:
            return torch.frombuffer(bytearray(tokens.ljust(LABEL_WIDTH, _PAD)), dtype=torch.uint8)
    raise ValueError(f"{label!r} is no label that PARSeq is trained on")
