"""Made-up pages of words for the component benchmarks: logits, probabilities, label maps, and archives to evaluate."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.submission import write_submission

SHRINK_RATES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # the text map is the word itself
MAX_SHRINK = 20  # pixels


@dataclass(frozen=True)
class Page:
    """A grid of rotated words.

    Attributes:
        rows, columns: of the grid; each cell has one word.
        word_width, word_height: in pixels.
        max_degrees: each word is rotated by a random angle between minus and plus this.
        height, width: of the maps, in pixels; by default of a 16:9 photograph whose short side is 736.
    """

    rows: int
    columns: int
    word_width: int
    word_height: int
    max_degrees: float
    height: int = 736
    width: int = 1312

    @property
    def words(self) -> int:
        return self.rows * self.columns

    def maps(self, generator: np.random.Generator) -> NDArray[np.uint8]:
        """(7, height, width): 1 inside, 0 outside; the text map, then the six kernels, largest first."""
        maps = np.zeros((len(SHRINK_RATES), self.height, self.width), np.uint8)
        for row in range(self.rows):
            for column in range(self.columns):
                centre = ((column + 0.5) * self.width / self.columns, (row + 0.5) * self.height / self.rows)
                self._draw_word(maps, centre, generator.uniform(-self.max_degrees, self.max_degrees))
        return maps

    def logits(self, seed: int = 0) -> NDArray[np.float32]:
        """(7, height, width): around 4 inside the text map and the six kernels, around -4 outside, with noise."""
        generator = np.random.default_rng(seed)
        maps = self.maps(generator)
        noise = generator.normal(scale=0.5, size=maps.shape).astype(np.float32)
        return 8 * maps.astype(np.float32) - 4 + noise

    def probability(self, seed: int = 0) -> NDArray[np.float32]:
        """(height, width): around 0.9 inside the smallest kernels and 0.05 outside, with soft edges and noise."""
        generator = np.random.default_rng(seed)
        inside = cv2.GaussianBlur(self.maps(generator)[-1].astype(np.float32), (3, 3), 0)
        noise = generator.normal(scale=0.02, size=inside.shape).astype(np.float32)
        probability: NDArray[np.float32] = np.clip(0.05 + 0.85 * inside + noise, 0, 1)
        return probability

    def _draw_word(self, maps: NDArray[np.uint8], centre: tuple[float, float], degrees: float) -> None:
        area_by_perimeter = self.word_width * self.word_height / (2 * (self.word_width + self.word_height))
        for pixels, rate in zip(maps, SHRINK_RATES, strict=True):
            shrink = min(area_by_perimeter * (1 - rate**2), MAX_SHRINK)
            size = (self.word_width - 2 * shrink, self.word_height - 2 * shrink)
            corners = cv2.boxPoints((centre, size, degrees))
            cv2.fillPoly(pixels, [np.rint(corners).astype(np.int32)], 1)


PAGES = {
    "sparse": Page(rows=3, columns=4, word_width=120, word_height=34, max_degrees=30),
    "dense": Page(rows=33, columns=20, word_width=52, word_height=16, max_degrees=4),
}

PROBABILITY_PAGES = {
    8: Page(rows=2, columns=4, word_width=200, word_height=60, max_degrees=20),
    744: Page(rows=31, columns=24, word_width=46, word_height=17, max_degrees=4),
}
"""Pages by their number of words, for detectors that predict texts as probabilities."""


def text_maps(n: int, size: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Label maps of n crops, each with twelve words; the mask excludes one corner.

    Returns:
        text (n, size, size), kernels (n, 6, size, size) and training mask (n, size, size), each 0 or 1.
    """
    generator = np.random.default_rng(seed)
    page = Page(rows=4, columns=3, word_width=130, word_height=40, max_degrees=30, height=size, width=size)
    maps = np.stack([page.maps(generator) for _ in range(n)])  # (n, 7, size, size)
    mask = np.ones((n, size, size), np.uint8)
    mask[:, : size // 4, : size // 3] = 0
    return maps[:, 0], maps[:, 1:], mask


def write_archives(
    gt_zip: str | os.PathLike[str], submission_zip: str | os.PathLike[str], *, images: int, texts: int, seed: int = 0
) -> None:
    """Write a ground truth and a submission for `images` images of 1280x720 pixels with `texts` texts each.

    Every third text is ignored. The detections are the texts with every corner moved at random, 4 pixels standard
    deviation, so that most of them match.
    """
    generator = np.random.default_rng(seed)
    detections = {}
    with zipfile.ZipFile(gt_zip, "w") as archive:
        for number in range(1, images + 1):
            left_top = generator.integers((0, 0), (1180, 690), (texts, 1, 2))
            corners = left_top + np.array([(0, 0), (100, 0), (100, 30), (0, 30)])  # (texts, 4, 2)
            lines = [
                ",".join(map(str, text.reshape(-1))) + (",###\r\n" if index % 3 == 0 else ",word\r\n")
                for index, text in enumerate(corners)
            ]
            archive.writestr(f"gt_img_{number}.txt", "".join(lines))
            detections[number] = list(corners + generator.normal(scale=4, size=corners.shape))
    write_submission(submission_zip, detections)
