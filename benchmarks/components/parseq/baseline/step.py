"""PARSeq's training step, as a first version would be written: the baseline for the suite's own step.

The decoder is torch's own multi-head attention. Each order of reading is a pass of its own, with its own mask, made in
a loop, and projects tokens and memory again. Counts are read back to the host, labels are padded to the longest of the
batch, and the optimizer updates one parameter after another.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

END, PAD = 0, 96


class BaselinePARSeq(nn.Module):
    """Its modules have the names of those of `ocr_models.parseq.PARSeq`, so that each can have the other's weights."""

    def __init__(self, dim: int, heads: int, decoder_heads: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.pos_queries = nn.Parameter(torch.zeros(1, 26, dim))
        self.encoder = _Encoder(dim, heads, depth)
        self.decoder = nn.ModuleDict(
            {"layers": nn.ModuleList([_DecoderLayer(dim, decoder_heads, dropout)]), "norm": nn.LayerNorm(dim)}
        )
        self.head = nn.Linear(dim, 95)
        self.text_embed = nn.ModuleDict({"embedding": nn.Embedding(97, dim)})
        self.dropout = nn.Dropout(dropout)

    def decode(self, tokens: Tensor, memory: Tensor, query_mask: Tensor, padding: Tensor) -> Tensor:
        """Logits (N, L, 95) of all positions, read in one order. True in a mask = may not look."""
        n, length = tokens.shape
        embedded = self.text_embed["embedding"](tokens) * self.pos_queries.shape[-1] ** 0.5  # (N, L, D)
        content = torch.cat((embedded[:, :1], embedded[:, 1:] + self.pos_queries[:, : length - 1]), dim=1)
        queries = self.pos_queries[:, :length].expand(n, -1, -1)
        (layer,) = self.decoder["layers"].children()
        decoded = layer(self.dropout(queries), self.dropout(content), memory, query_mask, padding)
        logits: Tensor = self.head(self.decoder["norm"](decoded))
        return logits


class _Encoder(nn.Module):
    def __init__(self, dim: int, heads: int, depth: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, 128, dim))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, dim, (4, 8), stride=(4, 8))})
        self.blocks = nn.ModuleList([_Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images).flatten(2).transpose(1, 2) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        memory: Tensor = self.norm(x)
        return memory


class _Block(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(dim, 3 * dim), "proj": nn.Linear(dim, dim)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, 4 * dim), "fc2": nn.Linear(4 * dim, dim)})

    def forward(self, x: Tensor) -> Tensor:
        n, length, dim = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).reshape(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*qkv.unbind(0))
        x = x + self.attn["proj"](attended.transpose(1, 2).reshape(n, length, dim))
        mapped: Tensor = x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))
        return mapped


class _DecoderLayer(nn.Module):
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.cross_attn = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.norm1, self.norm2, self.norm_q, self.norm_c = (nn.LayerNorm(dim) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, content: Tensor, memory: Tensor, mask: Tensor, padding: Tensor) -> Tensor:
        content = self.norm_c(content)
        read, _ = self.self_attn(self.norm_q(x), content, content, attn_mask=mask, key_padding_mask=padding)
        x = x + self.dropout(read)
        seen, _ = self.cross_attn(self.norm1(x), memory, memory)
        x = x + self.dropout(seen)
        hidden = self.dropout(F.gelu(self.linear1(self.norm2(x))))
        mapped: Tensor = x + self.dropout(self.linear2(hidden))
        return mapped


def baseline_loss(model: BaselinePARSeq, images: Tensor, targets: Tensor, permutations: Tensor) -> Tensor:
    """Images (N, 3, 32, 128), targets (N, n + 2) and orders of reading (K, n + 2) -> the loss."""
    memory = model.encoder(images)
    tokens, predicted = targets[:, :-1], targets[:, 1:]
    padding = (tokens == PAD) | (tokens == END)
    count = int((predicted != PAD).sum())
    total, counted = torch.zeros(()), 0
    for index, permutation in enumerate(permutations):
        logits = model.decode(tokens, memory, _query_mask(permutation), padding)
        losses = F.cross_entropy(logits.flatten(0, 1), predicted.flatten(), ignore_index=PAD)
        total, counted = total + count * losses, counted + count
        if index == 1:  # from now on the end is not predicted
            predicted = torch.where(predicted == END, PAD, predicted)
            count = int((predicted != PAD).sum())
    return total / counted


def _query_mask(permutation: Tensor) -> Tensor:
    """(n + 1, n + 1), True = may not look: all tokens that are read later, and the one that is predicted."""
    length = len(permutation)
    mask = torch.zeros(length, length, dtype=torch.bool)
    for place in range(length):
        mask[permutation[place], permutation[place:]] = True
    return mask[1:, :-1]


class BaselineStep:
    """A network and its optimizer, trained on batches of images, targets and orders of reading."""

    def __init__(self, model: BaselinePARSeq) -> None:
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0)

    def __call__(self, images: Tensor, targets: Tensor, permutations: Tensor) -> float:
        """One step -> the loss."""
        loss = baseline_loss(self.model, images, targets, permutations)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 20)
        self.optimizer.step()
        return loss.item()
