"""Where the words of a split are in the folder of a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_models.data_kinds import hint
from ocr_models.errors import DataError, shown
from ocr_models.files import is_folder
from ocr_models.recognition.lmdb_words import lmdb_folders

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split

SPLIT_NAMES: dict[Split, tuple[tuple[str, ...], ...]] = {
    "train": (("train", "training"),),
    "test": (("test", "testing", "evaluation"), ("val", "validation")),
}
"""Split -> names of its folder or within the names of its label file. The second group counts if nothing has a name of
the first one."""

LABEL_FILES = (
    "rec_gt_{}.txt",
    "{}_label.txt",
    "{}_labels.txt",
    "{}_label.jsonl",
    "{}_labels.jsonl",
    "textrecog_{}.json",
    "{}_list.txt",
    "gt_{}.txt",
    "{}_gt.txt",
    "{}.txt",
    "{}.jsonl",
    "{}.json",
)
"""Names of label files beside the images of several splits; {} is the name of the split."""

FOLDER_LABEL_FILES = ("gt.txt", "rec_gt.txt", "label.txt", "labels.txt", "label.jsonl", "labels.jsonl")
"""Names of label files in the folder of one split."""

ICDAR_FOLDERS: dict[Split, tuple[tuple[str, str], ...]] = {
    "train": (
        ("ch4_training_word_images_gt", "Challenge4_Training_Task3_GT.txt"),
        ("Challenge2_Training_Task3_Images_GT", "Challenge2_Training_Task3_GT.txt"),
    ),
    "test": (
        ("ch4_test_word_images_gt", "Challenge4_Test_Task3_GT.txt"),
        ("Challenge2_Test_Task3_Images", "Challenge2_Test_Task3_GT.txt"),
    ),
}
"""Split -> folders of images of ICDAR 2015 and 2013, and label files that lie in them or beside them (else gt.txt)."""


@dataclass(frozen=True)
class Source:
    """What a split is read from.

    Attributes:
        place: the label file, or the folder in which the LMDBs are.
        images: folder to which the paths in the label file are relative.
        lmdbs: folders of the LMDBs; empty if there is a label file.
    """

    place: Path
    images: Path
    lmdbs: tuple[Path, ...] = ()


def find_split(root: Path, split: Split) -> Source:
    """What a split of the data set in a folder is read from.

    A folder without names of splits is a training split.

    Raises:
        DataError: if there is nothing, or two things that could be the split.
    """
    if (found := _named(root, split)) is not None:
        return found
    other: Split = "test" if split == "train" else "train"
    missing = "no training split" if split == "train" else "no held-out test split"
    only = _named(root, other)
    if only is None and (only := _in_folder(root)) is not None and split == "train":
        return only
    if only is not None:
        name = os.path.relpath(only.place, root)
        there = (
            "it has one without the name of a split" if name in (".", *FOLDER_LABEL_FILES) else f"it only has {name}"
        )
        raise DataError(f"{shown(root)}: {missing}: {shown(there)}; looked for {_looked_for(split)}")
    raise DataError(f"{shown(root)}: layout not recognised; looked for {_looked_for(split)}{hint(root, 'words')}")


def _looked_for(split: Split) -> str:
    name = SPLIT_NAMES[split][0][0]
    return (
        f"{name}/ with LMDBs or gt.txt, rec_gt_{name}.txt (PaddleOCR), {ICDAR_FOLDERS[split][0][0]}/ (ICDAR 2015), "
        f"{name}_label.txt and textrecog_{name}.json (MMOCR)"
    )


def _named(root: Path, split: Split) -> Source | None:
    for names in SPLIT_NAMES[split]:
        files = [root / form.format(name) for name in names for form in LABEL_FILES]
        if (label_file := _only([path for path in files if os.path.lexists(path)])) is not None:
            return Source(label_file, root)
        found = [_in_folder(root / name) for name in names if is_folder(root / name)]
        if names is SPLIT_NAMES[split][0]:
            found += _icdar(root, split)
        sources = [source for source in found if source is not None]
        if _only([source.place for source in sources]) is not None:
            return sources[0]
    return None


def _icdar(root: Path, split: Split) -> Iterator[Source | None]:
    for folder, label_file in ICDAR_FOLDERS[split]:
        images = root / folder
        if is_folder(images):
            candidates = (images / "gt.txt", images / label_file, root / label_file)
            found = _only([path for path in candidates if os.path.lexists(path)])
            if found is None:
                raise DataError(f"{shown(images)}: no label file; expected gt.txt in it, or {label_file}")
            yield Source(found, images)


def _in_folder(folder: Path) -> Source | None:
    """What a folder has that is one split."""
    label_file = _only([folder / name for name in FOLDER_LABEL_FILES if os.path.lexists(folder / name)])
    if label_file is not None:
        return Source(label_file, folder)
    lmdbs = lmdb_folders(folder)
    return Source(folder, folder, tuple(lmdbs)) if lmdbs else None


def _only(found: list[Path]) -> Path | None:
    if len(found) > 1:
        raise DataError(f"{shown(found[0])}: {shown(found[1])} could be the same split; keep one of the two")
    return found[0] if found else None
