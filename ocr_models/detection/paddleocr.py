"""PaddleOCR's layout: one label file per split, one line per image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.annotation_files import natural_key, parse_polygon, read_lines
from ocr_models.detection.images import images_in
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.errors import DataError

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

LABEL_FILES: dict[Split, str] = {
    "train": "train_icdar2015_label.txt",
    "test": "test_icdar2015_label.txt",
}


def read_paddleocr(label_file: Path) -> list[AnnotatedImage]:
    """Lines of image path, TAB, JSON list of {transcription, points}; paths are relative to the label file.

    The images come in natural order of their paths.

    Raises:
        DataError: if an image or an annotation has no counterpart, an image has two lines, or a line is malformed.
    """
    images: dict[Path, AnnotatedImage] = {}
    for location, line in read_lines(label_file):
        name, tab, encoded = line.partition("\t")
        if not tab:
            raise DataError(f"{location}: no TAB; a line is: image path, TAB, JSON list of transcriptions and points")
        path = label_file.parent / name
        if path in images:
            raise DataError(f"{location}: {name} already has an annotation above; keep one of the two")
        if not path.is_file():
            raise DataError(f"{location}: annotation without image; expected {path}")
        images[path] = AnnotatedImage.of_texts(path, _parse_texts(encoded, location))
    found = {path for folder in {path.parent for path in images} for path in images_in(folder)}
    if lonely := found - images.keys():
        raise DataError(f"{min(lonely)}: image without annotation; it has no line in {label_file}")
    return [images[path] for path in sorted(images, key=lambda path: natural_key(str(path)))]


def _parse_texts(encoded: str, location: str) -> list[tuple[NDArray[np.float64], str]]:
    try:
        texts = [(text["points"], text["transcription"]) for text in json.loads(encoded)]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{location}: not a JSON list of {{transcription, points}}: {error!r}") from error
    return [(parse_polygon(points, location), str(transcription)) for points, transcription in texts]
