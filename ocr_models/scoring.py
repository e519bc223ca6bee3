"""How well a model finds the texts of annotated images: detected, written in the official format, scored by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from numpy.typing import NDArray

from ocr_models.data.icdar2015 import AnnotatedImage, DataError, load_image
from ocr_models.evaluation import evaluate_icdar2015
from ocr_models.submission import write_ground_truth, write_submission
from ocr_models.task import Detect

GROUND_TRUTH, SUBMISSION = "ground_truth.zip", "submission.zip"


def score(
    detect: Detect, images: Sequence[AnnotatedImage], folder: Path, seen: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Precision, recall and hmean of a detector, each 0 to 1, by the ICDAR 2015 protocol over all images together.

    `folder` keeps the archives scored, `ground_truth.zip` and `submission.zip`; `seen` is called behind each image.

    Raises:
        DataError: where an image cannot be read, or a text has other than four corners, which the protocol wants.
        OSError: where the archives cannot be written.
    """
    numbers = image_numbers(images)
    found: dict[int, list[NDArray]] = {}
    for number, image in zip(numbers, images, strict=True):
        found[number] = detect(load_image(image.path))
        seen()
    write_ground_truth(folder / GROUND_TRUTH, ground_truths(images))
    write_submission(folder / SUBMISSION, found)
    return evaluate_icdar2015(folder / GROUND_TRUTH, folder / SUBMISSION)


def image_numbers(images: Sequence[AnnotatedImage]) -> list[int]:
    """What the images go by in archives: the numbers of their names, img_12.jpg, else 1, 2, 3 in their order."""
    matches = [re.fullmatch(r"img_([0-9]+)", image.path.stem) for image in images]
    numbers = [int(match[1]) for match in matches if match is not None]
    return numbers if len(set(numbers)) == len(images) else list(range(1, len(images) + 1))


def ground_truths(images: Sequence[AnnotatedImage]) -> dict[int, list[tuple[NDArray, str]]]:
    """From image number to its texts, corners and transcription, as they are annotated: it is the protocol that ignores
    `###`, and nothing but that.

    Raises:
        DataError: where a text has other than four corners.
    """
    for image in images:
        for polygon in image.polygons:
            if len(polygon) != 4:
                raise DataError(f"{image.path}: a text of {len(polygon)} corners; the ICDAR 2015 protocol wants four")
    return {
        number: [
            (polygon, " ".join(text.splitlines()))
            for polygon, text in zip(image.polygons, image.transcriptions, strict=True)
        ]
        for number, image in zip(image_numbers(images), images, strict=True)
    }
