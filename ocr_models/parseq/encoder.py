"""PARSeq's encoder: a vision transformer without class token.

Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, with the sizes of Bautista and Atienza, "Scene
Text Recognition with Permuted Autoregressive Sequence Models", ECCV 2022.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocr_models.parseq.attention import SelfAttention

IMAGE_SIZE = (32, 128)
PATCH_SIZE = (4, 8)
PATCHES = (IMAGE_SIZE[0] // PATCH_SIZE[0]) * (IMAGE_SIZE[1] // PATCH_SIZE[1])
MLP_RATIO = 4
NORM_EPS = 1e-6
WEIGHT_STD = 0.02


class Encoder(nn.Module):
    """Images (N, 3, 32, 128) -> the memory (N, 128, D): one token per patch of 4x8 pixels, row by row."""

    def __init__(self, dim: int, heads: int, depth: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, PATCHES, dim))
        self.patch_embed = PatchEmbedding(dim)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        nn.init.trunc_normal_(self.pos_embed, std=WEIGHT_STD)
        self.apply(draw_linear)

    def forward(self, images: Tensor) -> Tensor:
        memory: Tensor = self.norm(self.blocks(self.patch_embed(images) + self.pos_embed))
        return memory


class PatchEmbedding(nn.Module):
    """Images (N, 3, H, W) -> tokens (N, H/4 * W/8, D)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, PATCH_SIZE, stride=PATCH_SIZE)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.proj(images)  # (N, D, 8, 16)
        return features.flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Tokens (N, L, D) -> (N, L, D): attention, then an MLP, each added to its input."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attn = SelfAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp = MLP(dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        mapped: Tensor = x + self.mlp(self.norm2(x))
        return mapped


class MLP(nn.Module):
    """Tokens (N, L, D) -> (N, L, D), each by itself."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, MLP_RATIO * dim)
        self.fc2 = nn.Linear(MLP_RATIO * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        mapped: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return mapped


def draw_linear(module: nn.Module) -> None:
    """Weights of linear layers from a normal distribution, biases 0. For `nn.Module.apply`; others stay as they are."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=WEIGHT_STD)
        nn.init.zeros_(module.bias)
