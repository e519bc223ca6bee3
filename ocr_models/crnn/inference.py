"""Reading words with CRNN: the best class of each time step."""

from __future__ import annotations

from torch import Tensor, nn

from ocr_models.crnn.dataset import network_image
from ocr_models.crnn.labels import confidences, greedy_decode
from ocr_models.recognition.inference import WordReader


def reader_for(model: nn.Module) -> WordReader:
    """The reader of a CRNN for grey images and 36 characters."""

    def read(images: Tensor) -> tuple[list[str], Tensor]:
        logits = model(images)  # (N, T, 37)
        return greedy_decode(logits.argmax(-1)), confidences(logits)

    return WordReader(model, network_image, read)
