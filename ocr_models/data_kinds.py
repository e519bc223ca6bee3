"""What samples are, pages or words, and whether a folder looks like the other kind: for messages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ocr_models.errors import shown

Kind = Literal["pages", "words"]

OPTIONS: Mapping[Kind, str] = {"pages": "--ocr-data", "words": "--ocr-words"}
"""The options of the benchmarks that name a folder."""

_SIGNS: Mapping[Kind, tuple[str, ...]] = {
    "pages": ("*_icdar2015_label.txt", "ch4_training_images", "ch4_test_images"),
    "words": (
        *("data.mdb", "*/data.mdb", "*/*/data.mdb", "gt.txt", "*/gt.txt", "rec_gt*.txt", "*_label.txt"),
        *("*_label.jsonl", "textrecog_*.json", "ch4_*_word_images_gt", "Challenge2_*_Task3_Images*"),
    ),
}
"""What the folders of a kind contain, as patterns."""


def hint(folder: Path, wanted: Kind) -> str:
    """The end of a message about a folder without data of the wanted kind: "" or which option suits it."""
    other: Kind = "pages" if wanted == "words" else "words"
    found = [path.name for pattern in _SIGNS[other] for path in sorted(folder.glob(pattern))[:1]]
    if not found:
        return ""
    content = "annotated pages" if other == "pages" else "words"
    return f"; it looks like {content} ({shown(found[0])}), whose folder is named by {OPTIONS[other]}"
