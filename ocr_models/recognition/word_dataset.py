"""Training samples of a text recogniser: image of a word -> image of the network's size, and its label."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ocr_models.recognition.sample_numbers import SampleNumbers
from ocr_models.sample_dataset import SampleDataset, SampleT

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import Word
    from ocr_models.task import Lap


class WordDataset(SampleDataset[SampleT]):
    """Samples by (word index, position in the endless stream). The data set of a model derives from it."""

    def __init__(self, words: Sequence[Word], *, seed: int) -> None:
        super().__init__(seed=seed)
        self.words = words
        self._numbers = SampleNumbers(seed)

    def __len__(self) -> int:
        return len(self.words)

    def _make(self, index: int, position: int, lap: Lap) -> SampleT:
        word = self.words[index]
        source = word.load()
        lap("decode")
        return self._sample(word, source, position, lap)

    def _random(self, position: int) -> np.random.Generator:
        """The random numbers of a sample; valid until those of another one are asked for."""
        return self._numbers.at(position)

    @abstractmethod
    def _sample(self, word: Word, source: NDArray[np.uint8], position: int, lap: Lap) -> SampleT:
        """The sample of a word, whose pixels are `source`, (H, W, 3) uint8 RGB."""
