"""The sheet of words that all recognisers show: each image with its label, and what was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError, shown
from ocr_models.picture import GREEN, RED, Panel, Picture
from ocr_models.recognition.scoring import BATCH, Comparable, Read

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import Word, WordSet

DEFAULT_COUNT = 24
READ_AT_MOST = 256
"""Words among which those that were read wrong are looked for."""

COLUMNS = 4
PANEL_INCHES = (3.0, 1.4)
LONGEST_TEXT = 30
"""Characters of a label or an answer that fit into one of the title's two lines."""


def word_sheet(
    data: WordSet, names: Sequence[str], count: int | None, read: Read, comparable: Comparable = str
) -> Picture:
    """The picture of a few words; those that were read wrong come first, in a red frame. Its title says how many were.

    `names` and `count` are those of `ocr_models.picture.Show`. If no name is given, 24 words are shown of the first
    256, or of the first `count` if these are more: half of them wrong and half of them right, if there are enough of
    both. `comparable` decides what is wrong, as in an evaluation.

    Raises:
        DataError: if no word has one of the names, or an image cannot be read.
    """
    number = DEFAULT_COUNT if count is None else count
    chosen = find_words(data.words, names) if names else data.words[: max(number, READ_AT_MOST)]
    right: list[Panel] = []
    wrong: list[Panel] = []
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        for word, text, confidence in zip(batch, *read(batch), strict=True):
            is_right = comparable(text) == comparable(word.label)
            (right if is_right else wrong).append(word_panel(word, text, confidence, is_right))
    title = f"{len(wrong)} of {len(chosen)} words were read wrong"
    if not names:
        title = f"{len(wrong)} of the first {len(chosen)} words were read wrong"
        kept = max(number - number // 2, number - len(right))
        wrong = wrong[:kept]
        right = right[: number - len(wrong)]
    frames = f"shown: {len(wrong)} wrong (red), {len(right)} right (green), with their confidence"
    return Picture([*wrong, *right], COLUMNS, PANEL_INCHES, f"{title}; {frames}")


def find_words(words: Sequence[Word], names: Sequence[str]) -> list[Word]:
    """The words of these names: of the image file with or without folder and suffix, or LMDB keys.

    If several words have a name, it means the first of them.

    Raises:
        DataError: if no word has one of the names.
    """
    found: dict[str, Word] = {}
    missing = set(names)
    for word in words:
        own = {word.name, word.name.rpartition(": ")[2], PurePath(word.name).name, PurePath(word.name).stem}
        if hits := own & missing:
            found.update(dict.fromkeys(hits, word))
            missing -= hits
            if not missing:
                return [found[name] for name in names]
    first, last = (shown(words[index].name) for index in (0, -1))
    name = next(name for name in names if name in missing)
    raise DataError(f"no word {shown(name)}; there are {first} to {last}")


def word_panel(word: Word, text: str, confidence: float, is_right: bool) -> Panel:
    """The image of a word in a green or red frame; the title says what it is, what was read, and how surely."""
    label, answer = (shown(each, LONGEST_TEXT) or "nothing" for each in (word.label, text))
    title = label if is_right else f"{label}\nread as {answer}"
    return Panel(f"{title}  {confidence:.2f}", framed(word.load(), GREEN if is_right else RED))


def framed(image: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The image, (H, W, 3), in a frame of a twelfth of its shorter side."""
    border = max(1, round(min(image.shape[:2]) / 12))
    return np.asarray(
        cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT, value=colour), np.uint8
    )
