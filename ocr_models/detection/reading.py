"""Reading of a detection data set, whichever layout it has.

Bad input is never skipped: every fault is a `DataError` that names the file, and the line if there is one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ocr_models.data_kinds import hint
from ocr_models.detection.annotation_files import Text
from ocr_models.detection.icdar2015 import icdar2015_folders, read_icdar2015
from ocr_models.detection.paddleocr import LABEL_FILES, read_paddleocr
from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet, Layout
from ocr_models.errors import DataError, shown
from ocr_models.files import is_folder

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split


def read_annotated_set(root: Path, split: Split = "train") -> AnnotatedSet:
    """Read the annotations of a data set folder. Images are opened only when they are loaded.

    Real sets contain polygons without area, which become ignored texts, and polygons that cross themselves. Both are
    counted, with the first example of each, in the `remarks` of the set and in a warning.

    Raises:
        DataError: if the folder is missing, its layout unknown, an image or annotation unpaired, or a line malformed.
    """
    root = Path(root)
    if not is_folder(root):
        raise DataError(f"{shown(root)}: no such folder; name the folder of a data set")
    label_file = root / LABEL_FILES[split]
    image_folder, annotation_folder = icdar2015_folders(root, split)
    layout: Layout
    if os.path.lexists(label_file):
        layout, texts = "paddleocr", read_paddleocr(label_file)
    elif image_folder.is_dir() or annotation_folder.is_dir():
        layout, texts = "icdar2015", read_icdar2015(image_folder, annotation_folder)
    else:
        missing = "" if split == "train" else "no held-out test split: "
        raise DataError(
            f"{shown(root)}: {missing}layout not recognised; looked for {image_folder.name}/ with "
            f"{annotation_folder.name}/ (ICDAR 2015) and for {label_file.name} (PaddleOCR)"
            f"{hint(root, 'pages')}"
        )
    if not texts:
        raise DataError(f"{shown(root)}: no image in the {split} split")
    remarks = tuple(_remarks([text for image in texts.values() for text in image]))
    for remark in remarks:
        warnings.warn(f"{shown(root)}: {remark}", stacklevel=2)
    return AnnotatedSet(root, layout, tuple(_made_image(path, own) for path, own in texts.items()), remarks)


def _made_image(path: Path, texts: list[Text]) -> AnnotatedImage:
    return AnnotatedImage(
        path,
        polygons=tuple(text.polygon for text in texts),
        ignored=np.array([text.is_ignored or text.is_flat for text in texts], dtype=bool),
        transcriptions=tuple(text.transcription for text in texts),
    )


def _remarks(texts: Sequence[Text]) -> Iterator[str]:
    crossing = [text for text in texts if text.crosses_itself]
    flat = [text for text in texts if text.is_flat and not text.crosses_itself]
    if flat:
        yield f"{len(flat)} polygons without area are treated as ignored, the first: {flat[0].location}"
    if crossing:
        without_area = sum(text.is_flat for text in crossing)
        yield (
            f"{len(crossing)} polygons cross or touch themselves (are their corners in order?), {without_area} of them "
            f"without area and treated as ignored, the first: {crossing[0].location}"
        )
