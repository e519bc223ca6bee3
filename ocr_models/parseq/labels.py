"""Labels of PARSeq: what is trained on, their token ids, and the text of the network's answers.

Tokens: 0 is the end, 1 to 94 are the characters, 95 is the start, 96 is padding. The network answers with the first 95.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import torch
from torch import Tensor

from ocr_models.recognition.labels import VISIBLE_ASCII, ExcludedLabelError, adapt, check_length

CHARSET = VISIBLE_ASCII
END, START, PAD = 0, len(CHARSET) + 1, len(CHARSET) + 2
TOKENS = len(CHARSET) + 3
CLASSES = TOKENS - 2  # neither start nor padding is predicted

_IDS = {character: index for index, character in enumerate(CHARSET, start=1)}


def trained_label(raw: str, charset: str = CHARSET) -> str:
    """A transcription -> the label as trained on.

    Whitespace is removed, letters lose their accents, other characters than ASCII are dropped, then `adapt` is applied.

    Raises:
        ExcludedLabelError: if more than 25 characters are left before `adapt`, or none after it.
    """
    joined = "".join(raw.split())
    label = unicodedata.normalize("NFKD", joined).encode("ascii", "ignore").decode()
    check_length(label)
    if not (label := adapt(label, charset)):
        raise ExcludedLabelError("empty")
    return label


def encode(labels: Sequence[str], width: int | None = None) -> Tensor:
    """Labels -> token ids (N, L) int64: start, characters, end, then padding.

    L is that of the longest label and 2 more, or `width`.

    Raises:
        ValueError: if a label has a character outside CHARSET, or does not fit in `width`.
    """
    longest = max((len(label) for label in labels), default=0) + 2
    if width is not None and width < longest:
        raise ValueError(f"a label of {longest - 2} characters needs a width of {longest}, not {width}")
    tokens = torch.full((len(labels), longest if width is None else width), PAD)
    for row, label in zip(tokens, labels, strict=True):
        if unknown := [character for character in label if character not in _IDS]:
            raise ValueError(f"{label!r}: the character {unknown[0]!r} is not in the charset")
        row[: len(label) + 2] = torch.tensor([START, *(_IDS[character] for character in label), END])
    return tokens


def decode(logits: Tensor) -> tuple[list[str], Tensor]:
    """Logits (N, L, 95) -> N texts, and the confidences (N,), float32 at least.

    A text ends at the first end token. Its confidence is the product of the probabilities of its characters and, if
    there is one, of that end token.
    """
    probabilities = logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(-1)
    best, ids = probabilities.max(-1)  # (N, L) each
    ends = ids == END
    after = ends.cumsum(1) - ends.long() > 0
    confidences = best.masked_fill(after, 1).prod(1)
    texts = []
    for row in ids.tolist():
        length = row.index(END) if END in row else len(row)
        texts.append("".join(CHARSET[index - 1] for index in row[:length]))
    return texts, confidences
