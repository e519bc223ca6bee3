"""The embedding of tokens, with a gradient that needs neither atomic additions nor sorting on a GPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.parseq.encoder import WEIGHT_STD
from ocr_models.parseq.labels import TOKENS


class TokenEmbedding(nn.Module):
    """Tokens (N, L) of any integer type -> (N, L, D), times the root of D."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, dim)
        self.scale = dim**0.5
        nn.init.trunc_normal_(self.embedding.weight, std=WEIGHT_STD)

    def forward(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = _Lookup.apply(self.embedding.weight * self.scale, tokens.long())
        return embedded


class _Lookup(torch.autograd.Function):
    """Rows of a short table (R, D) at indices (N, L) -> (N, L, D)."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.rows = len(table)
        return F.embedding(indices, table)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """As a product with a matrix of zeros and ones, (R, N * L): all additions in a fixed order."""
        (indices,) = ctx.saved_tensors
        rows = torch.arange(ctx.rows, device=indices.device)
        chosen = indices.flatten() == rows[:, None]
        return chosen.to(gradient.dtype) @ gradient.flatten(0, 1), None
