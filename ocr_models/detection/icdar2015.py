"""The official ICDAR 2015 layout: a folder of images and a folder of annotations, one text file per image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ocr_models.detection.annotation_files import Text, check_number, made_text
from ocr_models.detection.icdar_line import parse_ground_truth_line
from ocr_models.errors import DataError, shown
from ocr_models.images.reading import images_in
from ocr_models.text_lines import located, natural_key, read_lines

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

OFFICIAL_FOLDERS: dict[Split, tuple[str, str]] = {
    "train": ("ch4_training_images", "ch4_training_localization_transcription_gt"),
    "test": ("ch4_test_images", "Challenge4_Test_Task1_GT"),
}
"""Split -> names of the folders of images and of annotations."""

OTHER_ANNOTATION_FOLDERS: dict[Split, tuple[str, ...]] = {"test": ("ch4_test_localization_transcription_gt",)}
"""Split -> other names under which its annotations are distributed."""

MAX_ANNOTATION_BYTES = 2**24
"""Of the file of one image."""


def icdar2015_folders(root: Path, split: Split) -> tuple[Path, Path]:
    """The folders of images and of annotations of a split, whether they exist or not.

    Raises:
        DataError: if there are two folders of annotations.
    """
    images, annotations = OFFICIAL_FOLDERS[split]
    names = (annotations, *OTHER_ANNOTATION_FOLDERS.get(split, ()))
    found = [root / name for name in names if (root / name).is_dir()]
    if len(found) > 1:
        raise DataError(f"{shown(found[0])}: {found[1].name} has annotations of the same split; keep one of the two")
    return root / images, found[0] if found else root / annotations


def read_icdar2015(image_folder: Path, annotation_folder: Path) -> dict[Path, list[Text]]:
    """Images `<name>.jpg` with annotations `gt_<name>.txt`, lines `x1,y1,...,x4,y4,text`, in natural order.

    Raises:
        DataError: if a folder is missing, an image or an annotation has no counterpart, two images have one
            annotation, or a line is malformed.
    """
    for folder in (image_folder, annotation_folder):
        if not folder.is_dir():
            raise DataError(f"{shown(folder)}: no such folder; the ICDAR 2015 layout has it next to the other one")
    images: dict[str, Path] = {}
    for path in sorted(images_in(image_folder)):
        if path.stem in images:
            raise DataError(f"{shown(images[path.stem])}: {path.name} has the same annotation; keep one of the two")
        images[path.stem] = path
    annotations = {path.stem.removeprefix("gt_"): path for path in annotation_folder.glob("gt_*.txt")}
    if lonely := images.keys() - annotations.keys():
        name = min(lonely, key=natural_key)
        expected = annotation_folder / f"gt_{name}.txt"
        raise DataError(f"{shown(images[name])}: image without annotation; expected {shown(expected)}")
    if lonely := annotations.keys() - images.keys():
        name = min(lonely, key=natural_key)
        expected = image_folder / f"{name}.jpg"
        raise DataError(f"{shown(annotations[name])}: annotation without image; expected {shown(expected)}")
    return {images[name]: _read_texts(annotations[name]) for name in sorted(images, key=natural_key)}


def _read_texts(annotation: Path) -> list[Text]:
    texts: list[Text] = []
    for number, line in read_lines(annotation, MAX_ANNOTATION_BYTES):
        with located(annotation, number):
            check_number(len(texts) + 1)
            corners, transcription, is_ignored = parse_ground_truth_line(line)
            texts.append(made_text(corners, transcription, is_ignored, f"{annotation.name}:{number}"))
    return texts
