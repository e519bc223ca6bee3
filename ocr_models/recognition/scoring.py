"""The score of a text recogniser on held-out words: how many it reads right, and how similar the others are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_models.errors import shown
from ocr_models.recognition.metrics import one_minus_ned, word_accuracy
from ocr_models.task import Evaluation

if TYPE_CHECKING:
    from ocr_models.recognition.word_set import Word, WordSet

Read = Callable[[Sequence["Word"]], tuple[Sequence[str], Sequence[float]]]
"""Words -> their texts as read from the images, and the confidences, each from 0 to 1."""

Comparable = Callable[[str], str]
"""A text -> what is compared of it, such as its lower-case letters and digits."""

BATCH = 64
PREDICTIONS = "predictions.txt"


def recognition_evaluation(
    read: Read, held_out: WordSet, comparable: Comparable = str, *, both_empty: float = 0.0
) -> Evaluation:
    """The evaluation of a recogniser, as a training task provides it; the arguments are those of `score`."""

    def score_held_out(folder: Path, progress: Callable[[], None]) -> dict[str, float]:
        return score(read, held_out.words, folder, progress, comparable, both_empty=both_empty)

    return Evaluation(len(held_out), score_held_out)


def score(
    read: Read,
    words: Sequence[Word],
    folder: Path,
    progress: Callable[[], None] = lambda: None,
    comparable: Comparable = str,
    *,
    both_empty: float = 0.0,
) -> dict[str, float]:
    """`word_accuracy` and `one_minus_ned` of a recogniser, each from 0 to 1.

    Args:
        read: gets at most 64 words at once.
        words: with their labels as trained on; at least one.
        folder: keeps `predictions.txt`, the words that were read wrong: name, label, text and confidence.
        progress: called after each word.
        comparable: applied to label and text before they are compared.
        both_empty: what a pair of texts adds to `one_minus_ned` of which nothing comparable is left.

    Raises:
        DataError: if an image cannot be read.
        OSError: if the predictions cannot be written.
    """
    truths, texts, wrong = [], [], []
    for start in range(0, len(words), BATCH):
        batch = [words[index] for index in range(start, min(start + BATCH, len(words)))]
        for word, text, confidence in zip(batch, *read(batch), strict=True):
            truths.append(comparable(word.label))
            texts.append(comparable(text))
            if texts[-1] != truths[-1]:
                line = (shown(word.name), shown(word.label), shown(text), f"{confidence:.4f}")
                wrong.append("\t".join(line))
            progress()
    lines = [f"# {len(wrong)} of {len(texts)} words were read wrong: name, label, text, confidence", *wrong]
    (folder / PREDICTIONS).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return {
        "word_accuracy": word_accuracy(texts, truths),
        "one_minus_ned": one_minus_ned(texts, truths, both_empty=both_empty),
    }
