"""PARSeq's decoder: one layer in which queries of positions look at the tokens read so far, then at the image.

Source: Bautista and Atienza, "Scene Text Recognition with Permuted Autoregressive Sequence Models", ECCV 2022. Its
layer could update the tokens as well, but the result of the last layer is not used, and there is only one. So tokens
and memory serve as keys and values only. They depend neither on the queries nor on the order of reading: they are
computed once, however many queries there are.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.parseq.attention import ContextAttention, KeysValues
from ocr_models.parseq.encoder import MLP_RATIO, draw_linear

NORM_EPS = 1e-5


class Decoder(nn.Module):
    """The layer, under the name that it has in the reference's weights, and the final norm."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList([DecoderLayer(dim, heads, dropout)])
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.apply(draw_linear)

    def read_tokens(self, content: Tensor) -> KeysValues:
        """Embedded tokens (N, L, D) -> keys and values of the tokens."""
        layer = self._layer
        return layer.self_attn.keys_values(layer.norm_c(content))

    def read_memory(self, memory: Tensor) -> KeysValues:
        """The encoder's memory (N, 128, D) -> its keys and values."""
        return self._layer.cross_attn.keys_values(memory)

    def forward(self, queries: Tensor, tokens: KeysValues, memory: KeysValues, allowed: Tensor | None = None) -> Tensor:
        """Queries (N or 1, Q, D) -> (N, Q, D). `allowed` (N, 1, Q, L) bool: at which tokens a query may look."""
        decoded: Tensor = self.norm(self._layer(queries, tokens, memory, allowed))
        return decoded

    @property
    def _layer(self) -> DecoderLayer:
        (layer,) = self.layers
        assert isinstance(layer, DecoderLayer)
        return layer


class DecoderLayer(nn.Module):
    """Attention to the tokens, attention to the memory and an MLP, each added to its input."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = ContextAttention(dim, heads, dropout)
        self.cross_attn = ContextAttention(dim, heads, dropout)
        self.linear1 = nn.Linear(dim, MLP_RATIO * dim)
        self.linear2 = nn.Linear(MLP_RATIO * dim, dim)
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.norm_q = nn.LayerNorm(dim, eps=NORM_EPS)
        self.norm_c = nn.LayerNorm(dim, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, tokens: KeysValues, memory: KeysValues, allowed: Tensor | None) -> Tensor:
        x = x + self.dropout(self.self_attn(self.norm_q(x), tokens, allowed))
        x = x + self.dropout(self.cross_attn(self.norm1(x), memory))
        hidden = self.dropout(F.gelu(self.linear1(self.norm2(x))))
        mapped: Tensor = x + self.dropout(self.linear2(hidden))
        return mapped
