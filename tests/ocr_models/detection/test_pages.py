"""Annotated images and sets."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.reading import read_annotated_set


def test_annotated_images_are_checked_when_made() -> None:
    with pytest.raises(ValueError, match="differ in number"):
        AnnotatedImage(Path("a.jpg"), (), np.array([True]), ())
    with pytest.raises(ValueError, match=r"\(k, 2\)"):
        AnnotatedImage(Path("a.jpg"), (np.zeros((2, 2)),), np.array([True]), ("a",))


def test_a_digest_depends_on_names_and_annotations_but_not_on_the_folder(image_folder: Path, tmp_path: Path) -> None:
    read = read_annotated_set(image_folder)
    copied = read_annotated_set(Path(shutil.copytree(image_folder, tmp_path / "elsewhere")))
    assert copied.digest() == read.digest()
    assert len(read.digest()) == 16
    int(read.digest(), 16)
    first, *others = read.images
    for changed in (
        replace(first, path=first.path.with_name("img_9.jpg")),
        replace(first, transcriptions=("other",)),
        replace(first, polygons=(first.polygons[0] + 1,)),
    ):
        assert replace(read, images=(changed, *others)).digest() != read.digest()
    assert read_annotated_set(image_folder, "test").digest() != read.digest()


def test_the_length_of_a_set_is_its_number_of_images(image_folder: Path) -> None:
    assert len(read_annotated_set(image_folder)) == 3


def test_images_are_the_same_if_their_pixels_are(image_folder: Path) -> None:
    read = read_annotated_set(image_folder)
    assert read.same_image(1, 1)
    assert not read.same_image(0, 1)
