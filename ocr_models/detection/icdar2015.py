"""The official ICDAR 2015 layout: a folder of images and a folder of annotations, one text file per image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ocr_models.detection.annotation_files import natural_key, parse_polygon, read_lines
from ocr_models.detection.images import images_in
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.errors import DataError

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

OFFICIAL_FOLDERS: dict[Split, tuple[str, str]] = {
    "train": ("ch4_training_images", "ch4_training_localization_transcription_gt"),
    "test": ("ch4_test_images", "Challenge4_Test_Task1_GT"),
}
"""Split -> names of the folders of images and of annotations."""


def read_icdar2015(image_folder: Path, annotation_folder: Path) -> list[AnnotatedImage]:
    """Images `<name>.jpg` with annotations `gt_<name>.txt`, lines `x1,y1,...,x4,y4,text`, in natural order.

    Raises:
        DataError: if a folder is missing, an image or an annotation has no counterpart, or a line is malformed.
    """
    for folder in (image_folder, annotation_folder):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; the ICDAR 2015 layout has it next to the other one")
    images = {path.stem: path for path in images_in(image_folder)}
    annotations = {path.stem.removeprefix("gt_"): path for path in annotation_folder.glob("gt_*.txt")}
    if lonely := images.keys() - annotations.keys():
        name = min(lonely, key=natural_key)
        raise DataError(f"{images[name]}: image without annotation; expected {annotation_folder / f'gt_{name}.txt'}")
    if lonely := annotations.keys() - images.keys():
        name = min(lonely, key=natural_key)
        raise DataError(f"{annotations[name]}: annotation without image; expected {image_folder / f'{name}.jpg'}")
    return [_read_image(images[name], annotations[name]) for name in sorted(images, key=natural_key)]


def _read_image(image: Path, annotation: Path) -> AnnotatedImage:
    texts = []
    for location, line in read_lines(annotation):
        fields = line.split(",", 8)
        polygon = parse_polygon([fields[i : i + 2] for i in (0, 2, 4, 6)], location)
        if len(fields) < 9:
            raise DataError(f"{location}: no transcription after the 8 coordinates; a line is x1,y1,...,x4,y4,text")
        texts.append((polygon, fields[8]))
    return AnnotatedImage.of_texts(image, texts)
