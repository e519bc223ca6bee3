"""Reading of a detection data set, whichever layout it has.

Bad input is never skipped: every fault is a `DataError` that names the file, and the line if there is one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS, read_icdar2015
from ocr_models.detection.paddleocr import LABEL_FILES, read_paddleocr
from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet, Layout
from ocr_models.errors import DataError

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split


def read_annotated_set(root: Path, split: Split = "train") -> AnnotatedSet:
    """Read the annotations of a data set folder. Images are opened only when they are loaded.

    Polygons without area, which real sets contain, become ignored texts; one warning reports their number.

    Raises:
        DataError: if the folder is missing, its layout unknown, an image or annotation unpaired, or a line malformed.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name the folder of a data set")
    label_file = root / LABEL_FILES[split]
    image_folder, annotation_folder = (root / name for name in OFFICIAL_FOLDERS[split])
    layout: Layout
    if label_file.is_file():
        layout, images = "paddleocr", read_paddleocr(label_file)
    elif image_folder.is_dir() or annotation_folder.is_dir():
        layout, images = "icdar2015", read_icdar2015(image_folder, annotation_folder)
    else:
        missing = "" if split == "train" else "no held-out test split: "
        raise DataError(
            f"{root}: {missing}layout not recognised; looked for {image_folder.name}/ with {annotation_folder.name}/ "
            f"(ICDAR 2015) and for {label_file.name} (PaddleOCR)"
        )
    if not images:
        raise DataError(f"{root}: no image in the {split} split")
    return AnnotatedSet(root, layout, tuple(_ignore_polygons_without_area(root, images)))


def _ignore_polygons_without_area(root: Path, images: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
    flat = [np.array([_area(polygon) == 0 for polygon in image.polygons], dtype=bool) for image in images]
    count = sum(int(is_flat.sum()) for is_flat in flat)
    if count:
        warnings.warn(f"{root}: {count} polygons without area are treated as ignored", stacklevel=3)
    return [replace(image, ignored=image.ignored | is_flat) for image, is_flat in zip(images, flat, strict=True)]


def _area(polygon: NDArray[np.float64]) -> float:
    x, y = (polygon - polygon[0]).T  # relative to one vertex, so that equal points give exactly 0
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
