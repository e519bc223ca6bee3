"""Reading of a word set, whichever layout it has.

Bad input is never skipped: every fault is a `DataError` that names the file and line, or the LMDB and key.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_models.errors import DataError, shown
from ocr_models.files import is_folder
from ocr_models.recognition.file_words import read_label_file
from ocr_models.recognition.labels import LabelFilter, LabelRule
from ocr_models.recognition.lmdb_words import read_lmdbs
from ocr_models.recognition.splits import find_split
from ocr_models.recognition.word_set import Layout, WordSet

if TYPE_CHECKING:  # ocr_models.task imports torch
    from ocr_models.task import Split


def read_word_set(folder: Path, split: Split, rule: LabelRule) -> WordSet:
    """Read the labels of a split of a word set. Images are opened only when they are loaded.

    Args:
        folder: of the data set.
        split: which of its splits.
        rule: of the model: what it is trained on. What it excludes is left out, counted in the `excluded` of the set,
            and named with the first example in its `remarks` and in a warning.

    Raises:
        DataError: if the folder is missing, its layout unknown, a label or line malformed, an image missing, or more
            than half of the words are excluded.
    """
    root = Path(folder)
    if not is_folder(root):
        raise DataError(f"{shown(root)}: no such folder; name the folder of a data set")
    source = find_split(root, split)
    labels = LabelFilter(rule)
    layout: Layout
    if source.lmdbs:
        layout, words = "lmdb", read_lmdbs(root, source.lmdbs, labels)
    else:
        layout, words = read_label_file(root, source.place, source.images, labels)
    labels.check(source.place)
    remark = labels.remark()
    if remark:
        warnings.warn(f"{shown(root)}: {remark}", stacklevel=2)
    return WordSet(root, layout, words, labels.excluded, (remark,) if remark else ())
