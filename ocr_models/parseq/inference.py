"""Reading words with PARSeq: one character after another, then all once more with all others known."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.parseq.dataset import network_image
from ocr_models.parseq.labels import adapt, decode
from ocr_models.recognition.inference import WordReader

if TYPE_CHECKING:
    from ocr_models.parseq.model import PARSeq
    from ocr_models.recognition.word_set import Word


COMPARED = string.digits + string.ascii_lowercase


def reader_for(model: PARSeq) -> WordReader:
    """The reader of a PARSeq."""

    def read(images: Tensor) -> tuple[list[str], Tensor]:
        return decode(model.generate(images))

    return WordReader(model, _image, read)


def comparable(text: str) -> str:
    """What the metric compares of a text: digits and letters, in lower case."""
    return adapt(text, COMPARED)


def _image(word: Word) -> NDArray[np.uint8]:
    return network_image(word.load())
