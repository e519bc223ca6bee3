"""CRNN's labels: texts, class numbers, and what the network's classes per time step say.

Class 0 is CTC's blank; class i is the i-th character of the charset.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.recognition.labels import (
    DIGITS_AND_LOWER_CASE,
    MAX_CHARACTERS,
    VISIBLE_ASCII,
    ExcludedLabelError,
    check_length,
)

CHARSET = DIGITS_AND_LOWER_CASE
SENSITIVE_CHARSET = VISIBLE_ASCII
BLANK = 0


def trained_label(raw: str, charset: str = CHARSET) -> str:
    """The label that a transcription is trained as: in lower case if the charset has no capital letters.

    An empty label is trained on, too.

    Raises:
        ExcludedLabelError: if it is longer than 25 characters, or has one that is not in the charset.
    """
    label = raw.lower() if charset == charset.lower() else raw
    check_length(label)
    if not _class_numbers(charset).keys() >= set(label):
        raise ExcludedLabelError("with characters outside the charset")
    return label


def encode(labels: Sequence[str], charset: str = CHARSET) -> tuple[Tensor, Tensor]:
    """Labels as trained on -> their class numbers (N, 25) int64, 0 behind the end, and lengths (N,) int64.

    Raises:
        ValueError: if a label is longer than 25 characters, or has one that is not in the charset.
    """
    ids = np.zeros((len(labels), MAX_CHARACTERS), np.int64)
    for row, label in zip(ids, labels, strict=True):
        row[: len(label)] = class_numbers(label, charset)
    return torch.from_numpy(ids), torch.tensor([len(label) for label in labels], dtype=torch.int64)


def class_numbers(label: str, charset: str = CHARSET) -> list[int]:
    """The class of each character.

    Raises:
        ValueError: as `encode`.
    """
    if len(label) > MAX_CHARACTERS:
        raise ValueError(f"the label {label!r} is longer than {MAX_CHARACTERS} characters")
    numbers = _class_numbers(charset)
    try:
        return [numbers[character] for character in label]
    except KeyError as error:
        raise ValueError(f"the label {label!r} has a character outside the charset: {error}") from None


@overload
def greedy_decode(ids: Sequence[int], charset: str = ...) -> str: ...
@overload
def greedy_decode(ids: Sequence[Sequence[int]], charset: str = ...) -> list[str]: ...
@overload
def greedy_decode(ids: Tensor | NDArray[np.integer], charset: str = ...) -> str | list[str]: ...
def greedy_decode(
    ids: Sequence[int] | Sequence[Sequence[int]] | Tensor | NDArray[np.integer], charset: str = CHARSET
) -> str | list[str]:
    """The text of the best class per time step: repeats count once, then blanks are dropped.

    Args:
        ids: (T,) or (N, T) integers.
        charset: the characters of the classes from 1 on.

    Returns:
        The text, or a list of N texts.

    Raises:
        ValueError: if `ids` has another shape, or a class that the charset does not have.
    """
    steps = np.asarray(ids.cpu() if isinstance(ids, Tensor) else ids, np.int64)
    if steps.ndim not in (1, 2):
        raise ValueError(f"ids must have the shape (T,) or (N, T), not {steps.shape}")
    rows = np.atleast_2d(steps)  # (N, T)
    if rows.size and not 0 <= rows.min() <= rows.max() <= len(charset):
        raise ValueError(f"ids must be from 0 to {len(charset)}, not from {rows.min()} to {rows.max()}")
    kept = rows != BLANK
    kept[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    characters = "".join(map(charset.__getitem__, (rows[kept] - 1).tolist()))  # of all texts
    ends = kept.sum(1).cumsum().tolist()
    texts = [characters[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return texts[0] if steps.ndim == 1 else texts


def confidences(logits: Tensor) -> Tensor:
    """Logits (N, T, classes) -> (N,): the product over the time steps of the best class's probability."""
    return logits.softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32)).amax(-1).prod(-1)


@lru_cache
def _class_numbers(charset: str) -> dict[str, int]:
    return {character: number for number, character in enumerate(charset, start=BLANK + 1)}
