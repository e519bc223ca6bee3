"""Reading words with PARSeq: one character after another, then all once more with all others known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ocr_models.parseq.dataset import network_image
from ocr_models.parseq.labels import decode
from ocr_models.recognition.inference import WordReader
from ocr_models.recognition.labels import DIGITS_AND_LOWER_CASE, adapt

if TYPE_CHECKING:
    from ocr_models.parseq.model import PARSeq


def reader_for(model: PARSeq) -> WordReader:
    """The reader of a PARSeq."""

    def read(images: Tensor) -> tuple[list[str], Tensor]:
        return decode(model.generate(images))

    return WordReader(model, network_image, read)


def comparable(text: str) -> str:
    """What the metric compares of a text: digits and letters, in lower case."""
    return adapt(text, DIGITS_AND_LOWER_CASE)
