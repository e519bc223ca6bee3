"""What `python -m ocr_models.show` draws of a PARSeq: words with what was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocr_models.parseq.inference import comparable, reader_for
from ocr_models.parseq.model import PARSeq
from ocr_models.picture import Picture
from ocr_models.recognition.show import word_sheet

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import WordSet
    from ocr_models.task import TrainingTask


def show(task: TrainingTask, data: WordSet, names: Sequence[str], count: int | None) -> Picture:
    """The sheet of words; an `ocr_models.picture.Show`."""
    assert isinstance(task.model, PARSeq)
    return word_sheet(data, names, count, reader_for(task.model), comparable)
