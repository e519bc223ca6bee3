"""The attention of both halves: of tokens to each other in the encoder, of queries to a context in the decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class KeysValues(NamedTuple):
    """A context as seen by each head: (N, heads, tokens, D / heads) each."""

    keys: Tensor
    values: Tensor


class SelfAttention(nn.Module):
    """Tokens (N, L, D) -> (N, L, D); each token looks at all tokens."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = split_heads(self.qkv(x), 3, self.heads)  # (N, heads, L, D / heads) each
        attended: Tensor = self.proj(merge_heads(F.scaled_dot_product_attention(queries, keys, values)))
        return attended


class ContextAttention(nn.Module):
    """Queries look at a context, whose keys and values are computed once for any number of queries.

    The parameters are those of `nn.MultiheadAttention`, in its form and with its initialisation.

    Attributes:
        dropout: of the attention weights.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))  # of queries, keys, values
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def keys_values(self, context: Tensor) -> KeysValues:
        """Context (N, L, D) -> what the heads see of it."""
        dim = context.shape[-1]
        projected = F.linear(context, self.in_proj_weight[dim:], self.in_proj_bias[dim:])  # (N, L, 2D)
        return KeysValues(*split_heads(projected, 2, self.heads))

    def forward(self, x: Tensor, context: KeysValues, allowed: Tensor | None = None) -> Tensor:
        """Let queries look at a context.

        Args:
            x: (N, Q, D), or (1, Q, D) if all samples have the same queries.
            context: of L tokens.
            allowed: (N, 1, Q, L) bool or broadcastable: where a query may look; None for everywhere.

        Returns:
            (N, Q, D).
        """
        dim = x.shape[-1]
        projected = F.linear(x, self.in_proj_weight[:dim], self.in_proj_bias[:dim])
        (queries,) = split_heads(projected, 1, self.heads)  # (N or 1, heads, Q, D / heads)
        attended = F.scaled_dot_product_attention(
            queries.expand(len(context.keys), -1, -1, -1),
            *context,
            attn_mask=allowed,
            dropout_p=self.dropout.p if self.training else 0.0,
        )
        answer: Tensor = self.out_proj(merge_heads(attended))
        return answer


def split_heads(x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """(N, L, parts * D) -> `parts` views (N, heads, L, D / heads)."""
    n, length, _ = x.shape
    return x.view(n, length, parts, heads, -1).permute(2, 0, 3, 1, 4).unbind()


def merge_heads(x: Tensor) -> Tensor:
    """(N, heads, L, D / heads) -> (N, L, D)."""
    return x.transpose(1, 2).flatten(2)
