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

from ocr_models.recognition.layers import Normalise

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import Word


@dataclass(frozen=True)
class WordReader:
    """Reads words with a network in evaluation mode and float32; afterwards the network is in its earlier mode again.

    Attributes:
        model: computes on the device of its parameters.
        network_image: an image, (H, W, 3) uint8 RGB -> its pixels as the network gets them, (C, H, W) uint8.
        read: images (N, C, H, W), from -1 to 1 -> texts, and their confidences (N,), each from 0 to 1.
    """

    model: nn.Module
    network_image: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    read: Callable[[Tensor], tuple[list[str], Tensor]]

    def __call__(self, words: Sequence[Word]) -> tuple[list[str], list[float]]:
        """Texts and confidences of the words, in one batch. Raises DataError for an image that cannot be used."""
        device = next(self.model.parameters()).device
        images = np.stack([self.network_image(word.load()) for word in words])  # (N, C, H, W)
        pixels = Normalise().to(device)(torch.from_numpy(images).to(device))
        with _evaluating(self.model), torch.inference_mode(), torch.autocast(device.type, enabled=False):
            texts, confidences = self.read(pixels)
        return texts, confidences.tolist()


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
