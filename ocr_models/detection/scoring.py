"""The score of a text detector on annotated images: detections in the official format, scored by the protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.evaluation import evaluate_icdar2015
from ocr_models.detection.submission import write_ground_truth, write_submission
from ocr_models.errors import DataError
from ocr_models.task import Evaluation

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet

Detect = Callable[[NDArray[np.uint8]], Sequence[NDArray[np.float64]]]
"""Image (H, W, 3) uint8 RGB -> corners of each text, (4, 2), in pixels of the image."""

GROUND_TRUTH, SUBMISSION = "ground_truth.zip", "submission.zip"


def detection_evaluation(detect: Detect, held_out: AnnotatedSet) -> Evaluation:
    """The evaluation of a detector by the ICDAR 2015 protocol, as a training task provides it.

    Raises:
        DataError: if a text has other than four corners.
    """
    ground_truths(held_out.images)

    def score_held_out(folder: Path, progress: Callable[[], None]) -> dict[str, float]:
        return score(detect, held_out.images, folder, progress)

    return Evaluation(len(held_out), score_held_out)


def score(
    detect: Detect, images: Sequence[AnnotatedImage], folder: Path, progress: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Precision, recall and hmean of a detector, each from 0 to 1, by the ICDAR 2015 protocol over all images together.

    `folder` keeps the archives that were scored, `ground_truth.zip` and `submission.zip`; `progress` is called after
    each image.

    Raises:
        DataError: if an image cannot be read, or a text has other than four corners.
        OSError: if the archives cannot be written.
    """
    found: dict[int, Sequence[NDArray[np.float64]]] = {}
    for number, image in zip(image_numbers(images), images, strict=True):
        found[number] = detect(image.load())
        progress()
    write_ground_truth(folder / GROUND_TRUTH, ground_truths(images))
    write_submission(folder / SUBMISSION, found)
    return evaluate_icdar2015(folder / GROUND_TRUTH, folder / SUBMISSION, bounded=False)


def image_numbers(images: Sequence[AnnotatedImage]) -> list[int]:
    """The numbers of the images in archives: those of their names, img_12.jpg, if all have one, else 1, 2, 3."""
    matches = [re.fullmatch(r"img_([0-9]+)", image.path.stem) for image in images]
    numbers = [int(match[1]) for match in matches if match is not None]
    return numbers if len(set(numbers)) == len(images) else list(range(1, len(images) + 1))


def ground_truths(images: Sequence[AnnotatedImage]) -> dict[int, list[tuple[NDArray[np.float64], str]]]:
    """Image number -> corners and transcription of each text, as annotated. The protocol itself ignores `###`.

    Raises:
        DataError: if a text has other than four corners.
    """
    for image in images:
        for polygon in image.polygons:
            if len(polygon) != 4:
                raise DataError(f"{image.path}: a text of {len(polygon)} corners; the ICDAR 2015 protocol needs four")
    return {
        number: [
            (polygon, " ".join(text.splitlines()))
            for polygon, text in zip(image.polygons, image.transcriptions, strict=True)
        ]
        for number, image in zip(image_numbers(images), images, strict=True)
    }
