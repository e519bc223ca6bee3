"""The loss of DB by its formulas, and label maps to try it on."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.components.db.baseline.loss import baseline_losses

NAMES = ("loss", "loss_probability", "loss_threshold", "loss_binary")
Labels = tuple[Tensor, Tensor, Tensor, Tensor]
"""Shrink map, shrink mask, threshold map and threshold mask: (N, H, W), bool but for the threshold map."""


def plain_losses(maps: Tensor, labels: Labels) -> dict[str, Tensor]:
    """Maps (N, 3, H, W) -> the four losses."""
    return baseline_losses(maps, *(label.to(maps.dtype) for label in labels))


def random_maps(seed: int, shape: tuple[int, int, int] = (2, 9, 11), *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Maps (N, 3, H, W) between 0 and 1, without ties."""
    n, *size = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, *size, generator=generator, dtype=torch.float64).to(dtype)


def random_labels(
    seed: int, shape: tuple[int, int, int] = (2, 9, 11), *, text: float = 0.1, trained: float = 0.8
) -> Labels:
    """A share `text` of the pixels is text, and a share `trained` of all is trained on."""
    generator = torch.Generator().manual_seed(1000 + seed)
    s, m, true_t, tm = torch.rand(4, *shape, generator=generator, dtype=torch.float64)
    return s < text, m < trained, 0.3 + 0.4 * true_t, tm < 0.3


LABELS = {
    "few-texts": random_labels(0),
    "a-hundredth-is-text": random_labels(1, text=0.01, trained=1.1),
    "all-trained": random_labels(2, trained=1.1),
    "few-negatives": random_labels(3, text=0.6),
    "no-negatives": random_labels(4, text=1.1),
    "no-text": random_labels(5, text=0),
    "all-ignored": random_labels(6, trained=0),
}
