"""Reading words with CRNN: the best class of each time step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ocr_models.crnn.dataset import network_image
from ocr_models.crnn.labels import confidences, greedy_decode
from ocr_models.recognition.inference import WordReader

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import Word


def reader_for(model: nn.Module) -> WordReader:
    """The reader of a CRNN for grey images and 36 characters."""

    def read(images: Tensor) -> tuple[list[str], Tensor]:
        logits = model(images)  # (N, T, 37)
        return greedy_decode(logits.argmax(-1)), confidences(logits)

    return WordReader(model, _image, read)


def _image(word: Word) -> NDArray[np.uint8]:
    return network_image(word.load())
