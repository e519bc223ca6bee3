"""How well words were read: the share that is right, and how near the others are."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein


def word_accuracy(predictions: Sequence[str], truths: Sequence[str]) -> float:
    """The share of predictions that equal their truth, from 0 to 1.

    Raises:
        ValueError: if there are none, or not equally many of both.
    """
    _check_pairs(predictions, truths)
    return sum(map(str.__eq__, predictions, truths)) / len(truths)


def one_minus_ned(predictions: Sequence[str], truths: Sequence[str], *, both_empty: float = 0.0) -> float:
    """1 - the normalised edit distance, averaged over the pairs; from 0 to 1.

    The distance is that of Levenshtein divided by the length of the longer string, so a pair with one empty side
    counts 0.

    Args:
        predictions: the texts that were read.
        truths: the texts that are there.
        both_empty: what a pair of empty strings counts: 0 in CRNN's recipe. PARSeq's divides 0 by 0; a task may say 1.

    Raises:
        ValueError: if there are none, or not equally many of both.
    """
    _check_pairs(predictions, truths)
    similarities = (
        Levenshtein.normalized_similarity(prediction, truth) if prediction or truth else both_empty
        for prediction, truth in zip(predictions, truths, strict=True)
    )
    return sum(similarities) / len(truths)


def _check_pairs(predictions: Sequence[str], truths: Sequence[str]) -> None:
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions cannot be compared with {len(truths)} truths")
    if not truths:
        raise ValueError("there are no words to compare")
