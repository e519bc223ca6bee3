"""The making of training samples of PARSeq, compared with the decoding of their images and with the plain way."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from benchmarks.components.reporting import RatioReport, component

if TYPE_CHECKING:
    from ocr_models.recognition import WordSet

pytestmark = [*component("PARSeq loader"), pytest.mark.usefixtures("one_opencv_thread")]

SAMPLES = 600
"""In a round: the costs of operations differ."""


@pytest.fixture
def words() -> WordSet:
    """The first words of the synthetic set."""
    from ocr_models.parseq.labels import trained_label
    from ocr_models.recognition import read_word_set
    from ocr_models.recognition.synthetic_words import synthetic_words

    return read_word_set(synthetic_words(), "train", trained_label)


@pytest.fixture
def decode(words: WordSet) -> Callable[[], None]:
    import cv2
    import numpy as np

    from ocr_models.recognition.lmdb_files import read_value
    from ocr_models.recognition.lmdb_words import image_key

    files = [np.frombuffer(read_value(words.root / "train", image_key(n)), np.uint8) for n in range(1, SAMPLES + 1)]

    def decode_all() -> None:
        for file in files:
            cv2.imdecode(file, cv2.IMREAD_COLOR)

    return decode_all


@pytest.fixture
def load(words: WordSet) -> Callable[[], None]:
    from ocr_models.parseq.dataset import PARSeqDataset

    dataset = PARSeqDataset(words.words, seed=0)

    def load_all() -> None:
        for index in range(SAMPLES):
            dataset[index, index]

    return load_all


def test_loading_samples(load: Callable[[], None], decode: Callable[[], None], ratio_report: RatioReport) -> None:
    """Samples in one thread, compared with `cv2.imdecode` of the same images. The original takes 22.2 times that."""
    ratio_report.compare("time of a sample / time of cv2.imdecode", load, decode, "at most", 5.5, rounds=8)


def test_loading_plain_samples(load: Callable[[], None], words: WordSet, ratio_report: RatioReport) -> None:
    """The same, compared with samples made step by step with Pillow."""
    from benchmarks.components.parseq.baseline.augmentation import make_image

    def load_plain() -> None:
        rng = random.Random(0)
        for index in range(SAMPLES):
            make_image(rng, words.words[index].load())

    ratio_report.compare("time of a sample / of a plain sample", load, load_plain, "at most", 0.5, rounds=4)


def test_augmenting(words: WordSet, decode: Callable[[], None], ratio_report: RatioReport) -> None:
    """The augmentation alone, compared with `cv2.imdecode` of the same images."""
    import numpy as np

    from ocr_models.parseq.augmentation import augmented, draw_steps

    images = [words.words[index].load() for index in range(SAMPLES)]

    def augment() -> None:
        rng = np.random.default_rng(0)
        for image in images:
            augmented(image, draw_steps(rng))

    ratio_report.compare("time of the augmentation / time of cv2.imdecode", augment, decode, "at most", 2.5, rounds=8)
