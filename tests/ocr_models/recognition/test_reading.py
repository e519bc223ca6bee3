"""Reading word sets from disk: every layout, and which folder is which split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ocr_models.images.reading import decode_image
from ocr_models.recognition.reading import read_word_set
from ocr_models.task import Split
from word_files import LAYOUTS, word_image

LABELS = ["Hello", 'say "hi", you', "back\\slash", "a b  c", "caf\u00e9", "x"]


def as_annotated(transcription: str) -> str:
    """A rule that excludes nothing."""
    return transcription


def labels_in(root: Path, split: Split = "train") -> list[str]:
    return [word.label for word in read_word_set(root, split, as_annotated).words]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_layout_has_its_words_in_order(tmp_path: Path, layout: str, split: Split) -> None:
    found = read_word_set(LAYOUTS[layout](tmp_path, LABELS, split), split, as_annotated)
    assert found.layout == layout.partition("_")[0]
    assert [word.label for word in found.words] == LABELS
    assert (len(found), found.excluded, found.remarks) == (len(LABELS), {}, ())
    first = 1 if layout == "lmdb" else 0
    expected = decode_image(word_image(first + 2), "word")
    np.testing.assert_array_equal(found.words[2].load(), expected)
    assert found.words[-1].load(grey=True).shape == (20, 60)
