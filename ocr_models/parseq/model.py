"""PARSeq: images of words -> logits of their characters.

Source: Bautista and Atienza, "Scene Text Recognition with Permuted Autoregressive Sequence Models", ECCV 2022, in the
form of baudm/parseq. Modules have the names of that implementation, so that its weights can be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.parseq.attention import KeysValues
from ocr_models.parseq.decoder import Decoder
from ocr_models.parseq.embedding import TokenEmbedding
from ocr_models.parseq.encoder import WEIGHT_STD, Encoder, draw_linear
from ocr_models.parseq.labels import CLASSES, END, PAD, START
from ocr_models.parseq.permutations import attention_masks
from ocr_models.recognition.labels import MAX_CHARACTERS

DROPOUT = 0.1
POSITIONS = MAX_CHARACTERS + 1


@dataclass(frozen=True)
class Size:
    """The size of a network.

    Attributes:
        dim: D, the width of all tokens; a multiple of both numbers of heads.
        heads, decoder_heads: of the attention in the encoder and in the decoder.
        depth: number of blocks of the encoder.
    """

    dim: int
    heads: int
    decoder_heads: int
    depth: int = 12


SIZES = {"parseq": Size(384, 6, 12), "parseqtiny": Size(192, 3, 6)}


class Inputs(NamedTuple):
    """What the network gets in training.

    Attributes:
        images: (N, 3, 32, 128) float, from -1 to 1.
        tokens: (N, n + 1) of any integer type: start, characters, end, padding; without the last position, which is
            only predicted.
        permutations: (K, n + 2) of any integer type: the orders of reading.
    """

    images: Tensor
    tokens: Tensor
    permutations: Tensor


class PARSeq(nn.Module):
    """Reads words of up to 25 characters.

    Args:
        size: "parseq", "parseqtiny" or a `Size`.
        dropout: share of values dropped in the decoder in training.

    Raises:
        ValueError: for an unknown name of a size.
    """

    def __init__(self, size: str | Size = "parseq", dropout: float = DROPOUT) -> None:
        super().__init__()
        if isinstance(size, str):
            if size not in SIZES:
                raise ValueError(f"size {size!r} is not known: choose one of {', '.join(sorted(SIZES))}")
            size = SIZES[size]
        self.pos_queries = nn.Parameter(torch.empty(1, POSITIONS, size.dim))
        self.encoder = Encoder(size.dim, size.heads, size.depth)
        self.decoder = Decoder(size.dim, size.decoder_heads, dropout)
        self.head = nn.Linear(size.dim, CLASSES)
        self.text_embed = TokenEmbedding(size.dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.trunc_normal_(self.pos_queries, std=WEIGHT_STD)
        self.head.apply(draw_linear)

    def forward(self, inputs: Inputs) -> Tensor:
        """Logits of all positions in all orders of reading, (K, N, n + 1, 95)."""
        images, tokens, permutations = inputs
        rows, (n, length) = len(permutations), tokens.shape
        _, hidden = attention_masks(permutations)  # (K, L, L), where L = n + 1
        no_character = ((tokens == PAD) | (tokens == END)).view(n, 1, 1, length)
        allowed = ~(hidden | no_character).view(n, 1, rows * length, length)
        # The orders lie behind one another as queries of a sample: they share its tokens and its memory, and with them
        # the dropout of the tokens, which the recipe draws anew for each order. That of all else is drawn for each.
        queries = self.pos_queries[:, :length].expand(n * rows, -1, -1).reshape(n, rows * length, -1)
        decoded = self.decoder(
            self.dropout(queries),
            self.decoder.read_tokens(self.dropout(self._embed(tokens))),
            self.decoder.read_memory(self.encoder(images)),
            allowed,
        )
        logits: Tensor = self.head(decoded)  # (N, K * L, 95)
        return logits.view(n, rows, length, CLASSES).transpose(0, 1)

    @torch.no_grad()
    def generate(
        self, images: Tensor, autoregressive: bool = True, refinements: int = 1, max_length: int | None = None
    ) -> Tensor:
        """Read images.

        Args:
            images: (N, 3, 32, 128), from -1 to 1.
            autoregressive: whether one character is read after another; else all at once, from the image alone.
            refinements: how often all positions are read again, each with all others known.
            max_length: characters to read at most, 25 if more; None for 25. Without it, reading one after another ends
                as soon as every text has ended.

        Returns:
            Logits (N, L, 95): L is 26, or `max_length` + 1. Without refinement it is less if reading ended early.

        Raises:
            ValueError: if `refinements` or `max_length` is negative.
        """
        if refinements < 0 or (max_length or 0) < 0:
            raise ValueError(f"refinements and max_length cannot be negative: {refinements}, {max_length}")
        positions = POSITIONS if max_length is None else min(max_length + 1, POSITIONS)
        queries = self.pos_queries[:, :positions]
        memory = self.decoder.read_memory(self.encoder(images))
        start = torch.full((len(images), 1), START, device=images.device)
        if autoregressive:
            logits = self._read_one_by_one(queries, memory, start, stop_early=max_length is None)
        else:
            logits = self.head(self.decoder(queries, self.decoder.read_tokens(self._embed(start)), memory))
        for _ in range(refinements):
            tokens = torch.cat((start, logits[:, :-1].argmax(-1)), dim=1)  # (N, L)
            ended = (tokens == END).cumsum(1) > 0
            context = torch.arange(tokens.shape[1], device=images.device)
            others = context != torch.arange(1, positions + 1, device=images.device)[:, None]  # (positions, L)
            allowed = others & ~ended[:, None, None]  # (N, 1, positions, L)
            logits = self.head(self.decoder(queries, self.decoder.read_tokens(self._embed(tokens)), memory, allowed))
        return logits

    def _read_one_by_one(self, queries: Tensor, memory: KeysValues, start: Tensor, *, stop_early: bool) -> Tensor:
        """Logits (N, L, 95). Keys and values of a token do not change any more once it has been read."""
        token, ended, logits = start, torch.zeros_like(start, dtype=torch.bool), []
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for position in range(queries.shape[1]):
            read = self.decoder.read_tokens(self._embed(token, position))  # of one token
            keys.append(read.keys)
            values.append(read.values)
            context = KeysValues(torch.cat(keys, dim=2), torch.cat(values, dim=2))
            query = queries[:, position : position + 1]
            logits.append(self.head(self.decoder(query, context, memory)))  # (N, 1, 95)
            token = logits[-1].argmax(-1)  # (N, 1)
            ended |= token == END
            if stop_early and bool(ended.all()):
                break
        return torch.cat(logits, dim=1)

    def _embed(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Tokens (N, L) at the positions from `first` on -> (N, L, D). The start token has no position."""
        embedded: Tensor = self.text_embed(tokens)
        positions = self.pos_queries[:, : first + tokens.shape[1] - 1]
        return embedded + F.pad(positions, (0, 0, 1, 0))[:, first:]
