"""Synthetic words as a data set stores them: the bytes of an image file, and a label."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ocr_models.recognition.word_image import WordPainter

QUALITIES = (55, 95)  # of the JPEG files


class Job(NamedTuple):
    """Samples to be made one after the other.

    Attributes:
        fonts: folder of the font files.
        seed: of the set and of the split.
        first: number of the first sample. A sample is the same in whichever job it is made.
        words: of the samples, in lower case.
    """

    fonts: Path
    seed: tuple[int, int]
    first: int
    words: Sequence[str]


class Sample(NamedTuple):
    """A JPEG file, and the word as it was drawn: half in lower case, a quarter in capitals, a quarter in title case."""

    encoded: bytes
    label: str


def draw_samples(job: Job) -> list[Sample]:
    """Draw the words of a job."""
    painter = _painter(job.fonts, job.seed[0])
    samples = []
    for number, word in enumerate(job.words, job.first):
        rng = np.random.default_rng((*job.seed, number))
        label = _cased(rng, word)
        quality = int(rng.integers(*QUALITIES, endpoint=True))
        _, encoded = cv2.imencode(".jpg", painter.draw(rng, label), (cv2.IMWRITE_JPEG_QUALITY, quality))
        samples.append(Sample(encoded.tobytes(), label))
    return samples


@lru_cache(maxsize=1)
def _painter(fonts: Path, seed: int) -> WordPainter:
    return WordPainter(fonts, seed)


def _cased(rng: np.random.Generator, word: str) -> str:
    drawn = rng.random()
    return word if drawn < 0.5 else word.upper() if drawn < 0.75 else word.title()
