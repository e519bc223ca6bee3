"""The loss of PARSeq: cross entropy over all orders of reading."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ocr_models.parseq.labels import END, PAD

ROWS_WITH_END = 2
"""The end token is predicted in this many orders only: forwards and backwards."""


def permuted_loss(logits: Tensor, targets: Tensor, permutations: Tensor) -> Tensor:
    """Mean cross entropy of all tokens that are predicted, in all orders; the host waits for nothing.

    Args:
        logits: (K, N, n + 1, 95): of the positions 1 to n + 1, in each order.
        targets: (N, n + 2) int64: start, characters, end, padding.
        permutations: (K, n + 2): the orders, of which the first two predict the end token.

    Returns:
        A scalar: sum of the cross entropies / number of targets, in float32 at least.

    Raises:
        ValueError: if the shapes do not fit each other.
    """
    rows, samples, positions, classes = logits.shape
    if targets.shape != (samples, positions + 1) or permutations.shape != (rows, positions + 1):
        raise ValueError(
            f"logits {tuple(logits.shape)} do not fit targets {tuple(targets.shape)} "
            f"and permutations {tuple(permutations.shape)}"
        )
    predicted = targets[:, 1:]  # (N, n + 1)
    without_end = predicted.masked_fill(predicted == END, PAD)
    with_end_rows = min(ROWS_WITH_END, rows)
    counted = torch.cat(
        (
            predicted.expand(with_end_rows, -1, -1),
            without_end.expand(rows - with_end_rows, -1, -1),
        )
    )  # (K, N, n + 1)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.reshape(-1, classes), counted.reshape(-1), ignore_index=PAD)
