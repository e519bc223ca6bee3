"""Training samples of CRNN: image of a word -> grey image of the network's size, and the classes of its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.crnn.labels import CHARSET, class_numbers
from ocr_models.crnn.model import IMAGE_HEIGHT
from ocr_models.recognition.labels import MAX_CHARACTERS
from ocr_models.recognition.stretch import compile_stretching, grey_of, stretch
from ocr_models.recognition.word_dataset import WordDataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocr_models.recognition.word_set import Word
    from ocr_models.task import Lap

HEIGHT, WIDTH = IMAGE_HEIGHT, 100

Sample = tuple[Tensor, Tensor, int]


class CRNNDataset(WordDataset[Sample]):
    """Samples by (word index, position in the endless stream). Nothing is random in them.

    A sample is:

    - image (1, 32, 100) uint8, grey
    - classes (25,) uint8: of the label's characters, 0 behind the end
    - length of the label

    The image is decoded in colour: the brightness that a JPEG stores differs by more than rounding from that of its
    colours where those are out of range.
    """

    def __init__(self, words: Sequence[Word], *, seed: int, charset: str = CHARSET, keep_ratio: bool = False) -> None:
        """`keep_ratio`: the image is stretched only to the full height, and its last column repeated to the right."""
        super().__init__(words, seed=seed)
        self._charset = charset
        self._keep_ratio = keep_ratio
        compile_stretching()  # once, instead of in each process of the loader

    def _sample(self, word: Word, source: NDArray[np.uint8], position: int, lap: Lap) -> Sample:  # noqa: ARG002
        image = network_image(source, keep_ratio=self._keep_ratio)
        lap("warp")
        classes = np.zeros(MAX_CHARACTERS, np.uint8)
        classes[: len(word.label)] = class_numbers(word.label, self._charset)
        lap("labels")
        return torch.from_numpy(image), torch.from_numpy(classes), len(word.label)


def network_image(image: NDArray[np.uint8], *, keep_ratio: bool = False) -> NDArray[np.uint8]:
    """What the network gets of an image.

    Args:
        image: (H, W, 3) uint8 RGB, or (H, W) grey.
        keep_ratio: stretch to the full height, and to ceil(32 W / H) columns but at most 100; then repeat the last one.

    Returns:
        (1, 32, 100) uint8.
    """
    grey = image if image.ndim == 2 else grey_of(image)
    height, width = grey.shape
    columns = min(-(-HEIGHT * width // height), WIDTH) if keep_ratio else WIDTH
    stretched = stretch(grey, HEIGHT, columns)
    return np.pad(stretched, ((0, 0), (0, WIDTH - columns)), "edge")[None] if columns < WIDTH else stretched[None]
