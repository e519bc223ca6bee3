"""The orders in which PARSeq learns to read a label, and what may be looked at in such an order.

An order of n characters is a row of n + 2 positions: 0 is the start token, 1 to n are the characters, n + 1 is the end
token. Row 0 of a batch reads forwards, row 1 backwards, and there the end token comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations as all_permutations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

FEW_CHARACTERS = 4
"""Up to so many characters the drawn orders differ from each other."""


def draw_permutations(characters: int, generator: torch.Generator, count: int = 6) -> Tensor:
    """Draw the orders of a batch.

    Args:
        characters: of the longest label, 1 or more.
        generator: on the CPU.
        count: of orders: forwards, backwards, then drawn orders, each followed by its mirror; 1 for forwards alone.

    Returns:
        (K, characters + 2) int64. K is `count`, or less if a label has fewer orders: of one character 1, of two 2, of
        three 6, of four 24.

    Raises:
        ValueError: if `characters` or `count` is below 1, or `count` is odd and not 1.
    """
    if characters < 1:
        raise ValueError(f"there is no order of {characters} characters")
    if count != 1 and (count < 1 or count % 2):
        raise ValueError(f"the number of orders must be 1 or even and above 0, not {count}")
    drawn = max(count // 2 - 1, 0)
    if characters > FEW_CHARACTERS:
        chosen = [torch.randperm(characters, generator=generator) for _ in range(drawn)]
    else:
        pool = torch.tensor(_pool(characters)).view(-1, characters)
        chosen = list(pool[torch.randperm(len(pool), generator=generator)[:drawn]])
    rows = permutation_rows(torch.stack(chosen) if chosen else torch.empty(0, characters, dtype=torch.int64))
    return rows[:1] if 1 in (characters, count) else rows


def _pool(characters: int) -> list[tuple[int, ...]]:
    """All orders but forwards and backwards, one of each pair of mirrors."""
    forward, *others = (order for order in all_permutations(range(characters)) if order[0] <= order[-1])
    assert forward == tuple(range(characters))
    return others


def permutation_rows(drawn: Tensor) -> Tensor:
    """Drawn orders (D, n) of characters 0 to n - 1, of any integer type -> the orders of a batch (2 + 2D, n + 2) int64.

    They are computed on the device of `drawn`.
    """
    n = drawn.shape[1]
    forward = torch.arange(n, device=drawn.device)
    orders = torch.cat((forward[None], drawn.long()))  # (1 + D, n)
    mirrored = torch.stack((orders, orders.flip(1)), dim=1).flatten(0, 1) + 1  # (2 + 2D, n)
    rows = F.pad(F.pad(mirrored, (1, 0)), (0, 1), value=n + 1)  # (2 + 2D, n + 2)
    backward = F.pad(n + 1 - torch.arange(n + 1, device=drawn.device), (1, 0))  # 0, n + 1, n, ..., 1
    return torch.cat((rows[:1], backward[None], rows[2:]))


def attention_masks(permutation: Tensor | NDArray[np.integer] | Sequence[int]) -> tuple[Tensor, Tensor]:
    """What may not be looked at if a label is read in an order.

    Args:
        permutation: (n + 2,), or several, (K, n + 2), integers.

    Returns:
        content_mask, query_mask: (n + 1, n + 1) or (K, n + 1, n + 1) bool, True = may not look. The column is the token
        of the context, 0 to n. The row is the token that looks, 0 to n, in the content mask, and the position that is
        predicted, 1 to n + 1, in the query mask.
    """
    order = torch.as_tensor(permutation).long()
    places = torch.arange(order.shape[-1], device=order.device).expand_as(order)
    rank = torch.empty_like(order).scatter(-1, order, places)  # (..., n + 2): when a position is read
    looked_at = rank[..., None, :-1]
    return looked_at > rank[..., :-1, None], looked_at >= rank[..., 1:, None]
