"""Labels as a model is trained on them, and the count of those that it cannot be trained on."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from ocr_models.errors import DataError, shown

LabelRule = Callable[[str], str]
"""Transcription as annotated -> label as trained on. Raises ExcludedLabelError for one that cannot be trained on."""

MAX_CHARACTERS = 25
"""Of a label; both recipes exclude longer ones."""

DIGITS_AND_LOWER_CASE = string.digits + string.ascii_lowercase
VISIBLE_ASCII = string.digits + string.ascii_letters + string.punctuation
"""The two charsets of both recipes: 36 and 94 characters."""

UNREADABLE = "###"
"""The annotators' mark of a word that they could not read, as in the layouts of pages."""

LONGEST_EXAMPLE = 60
"""Characters of a transcription that is shown as an example."""


class ExcludedLabelError(ValueError):
    """A transcription that a model cannot be trained on.

    Attributes:
        reason: why, as it follows a number of words: "longer than 25 characters", "with characters outside the
            charset", "empty".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_length(label: str) -> None:
    """Raises ExcludedLabelError if a label is longer than 25 characters."""
    if len(label) > MAX_CHARACTERS:
        raise ExcludedLabelError(f"longer than {MAX_CHARACTERS} characters")


def adapt(label: str, charset: str) -> str:
    """The label in the characters of a charset; others are dropped.

    If the charset has no upper-case letters, the label is lowered first; if it has no lower-case ones, raised.
    """
    if charset == charset.lower():
        label = label.lower()
    elif charset == charset.upper():
        label = label.upper()
    return "".join(character for character in label if character in charset)


class LabelFilter:
    """Applies a rule to all transcriptions of a word set, and counts those that it excludes.

    Attributes:
        kept: number of transcriptions that became labels.
        excluded: reason -> number of the others, the most frequent reason first.
    """

    def __init__(self, rule: LabelRule) -> None:
        self.kept = 0
        self._rule = rule
        self._counts: Counter[str] = Counter()
        self._first: tuple[str, str] | None = None

    def label(self, transcription: str, source: str, place: str) -> str | None:
        """The label; None if the word is left out. `source` followed by `place` is its location, for messages."""
        try:
            if transcription == UNREADABLE:
                raise ExcludedLabelError(f"marked as unreadable ({UNREADABLE})")
            label = self._rule(transcription)
        except ExcludedLabelError as error:
            self._counts[error.reason] += 1
            if self._first is None:
                self._first = (f"{source}{place}", transcription)
            return None
        self.kept += 1
        return label

    @property
    def excluded(self) -> Mapping[str, int]:
        return dict(self._counts.most_common())

    def check(self, root: Path) -> None:
        """Raises DataError if no word is left, or more than half of them are excluded."""
        total = self.kept + self._counts.total()
        if not total:
            raise DataError(f"{shown(root)}: there is no word in this split")
        if not self.kept:
            raise DataError(f"{shown(root)}: no word is left: {self.remark()}")
        if 2 * self.kept < total:
            raise DataError(
                f"{shown(root)}: the model's charset and length exclude more than half of the words: {self.remark()}"
            )

    def remark(self) -> str:
        """One line: how many words are left out, why, and the first of them; empty if none is."""
        if self._first is None:
            return ""
        total = self._counts.total()
        verb = "is" if total == 1 else "are"
        reasons = ", ".join(f"{number} {reason}" for reason, number in self.excluded.items())
        place, transcription = self._first
        example = f"first: {place}: {shown(transcription, LONGEST_EXAMPLE)!r}"
        return f"{total} of {self.kept + total} words {verb} left out: {reasons}; {example}"
