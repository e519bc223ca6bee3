"""Words through a text recogniser's network, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import Word

WORDS_AT_ONCE = 64
"""Of a batch in evaluation: a GPU is busy with it, and a CPU keeps its features in its caches."""


@dataclass(frozen=True)
class WordReader:
    """Reads words with a network in evaluation mode and float32; afterwards the network is in its earlier mode again.

    Attributes:
        model: computes on the device of its parameters.
        image: a word -> its pixels as the network gets them, (C, H, W) uint8; raises DataError.
        read: images (N, C, H, W), from -1 to 1 -> texts, and their confidences (N,), each from 0 to 1.
    """

    model: nn.Module
    image: Callable[[Word], NDArray[np.uint8]]
    read: Callable[[Tensor], tuple[list[str], Tensor]]

    def __call__(self, words: Sequence[Word]) -> tuple[list[str], list[float]]:
        """Texts and confidences of the words. Raises DataError for an image that cannot be used."""
        device = next(self.model.parameters()).device
        texts: list[str] = []
        confidences: list[float] = []
        for first in range(0, len(words), WORDS_AT_ONCE):
            pixels = np.stack([self.image(word) for word in words[first : first + WORDS_AT_ONCE]])
            with _evaluating(self.model), torch.inference_mode(), torch.autocast(device.type, enabled=False):
                read, confident = self.read(torch.from_numpy(pixels).to(device) * (2 / 255) - 1)
            texts += read
            confidences += confident.tolist()
        return texts, confidences


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
