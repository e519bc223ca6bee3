"""PaddleOCR's layout: one label file per split, one line per image."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_models.detection import icdar_line
from ocr_models.detection.annotation_files import Text, check_number, made_text, parse_polygon
from ocr_models.errors import shown
from ocr_models.files import is_regular_file
from ocr_models.text_lines import LineError, located, natural_key, read_lines

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

LABEL_FILES: dict[Split, str] = {
    "train": "train_icdar2015_label.txt",
    "test": "test_icdar2015_label.txt",
}

IGNORED = ("*", "###")
"""Transcriptions of ignored texts, exactly these, as in PaddleOCR's own reader."""

MAX_LABEL_BYTES = 2**28


def read_paddleocr(label_file: Path) -> dict[Path, list[Text]]:
    """Lines of image path, TAB, JSON list of {transcription, points}; paths are relative to the label file.

    The images come in natural order of their paths. Images without a line are not part of the split.

    Raises:
        DataError: if an image is missing or has two lines, or a line is malformed.
    """
    images: dict[Path, list[Text]] = {}
    for number, line in read_lines(label_file, MAX_LABEL_BYTES):
        with located(label_file, number):
            name, tab, encoded = line.partition("\t")
            if not tab:
                raise LineError("no TAB; a line is: image path, TAB, JSON list of transcriptions and points")
            path = label_file.parent / os.path.normpath(name)  # a/../b.jpg and b.jpg are one image
            if path in images:
                raise LineError(f"{shown(name)} already has an annotation above; keep one of the two")
            if not is_regular_file(path):
                raise LineError(f"annotation without image; expected {shown(path)}, a file")
            images[path] = _parse_texts(encoded, f"{label_file.name}:{number}")
    return {path: images[path] for path in sorted(images, key=lambda path: natural_key(str(path)))}


def _parse_texts(encoded: str, location: str) -> list[Text]:
    try:
        items = json.loads(encoded)
    except ValueError as error:  # also an integer of thousands of digits
        raise LineError(f"not a JSON list of {{transcription, points}}: {shown(error, 160)}") from error
    if not isinstance(items, list):
        raise LineError(f"not a JSON list of {{transcription, points}} but {shown(items, 40)}")
    check_number(len(items))
    return [_made_text(item, location) for item in items]


def _made_text(item: object, location: str) -> Text:
    if not isinstance(item, dict) or not {"points", "transcription"} <= item.keys():
        raise LineError(f"not a JSON list of {{transcription, points}}: it contains {shown(item, 80)}")
    transcription = item["transcription"]
    if not isinstance(transcription, str):
        raise LineError(f"the transcription {shown(transcription, 40)} is not a text; put it in double quotes")
    is_ignored = transcription in IGNORED
    polygon = parse_polygon(item["points"])
    return made_text(polygon, icdar_line.IGNORED if is_ignored else transcription, is_ignored, location)
