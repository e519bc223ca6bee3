"""CTC by its definition, and labels to try it on."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

Batch = tuple[Tensor, Tensor, Tensor]
"""Logits (N, T, C) float64, labels (N, L) and lengths (N,)."""


def enumerated_nll(logits: Tensor, label: list[int]) -> float:
    """-log p of a label by going through all paths: logits (T, C)."""
    log_probs = logits.double().log_softmax(1).tolist()
    probability = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        if [key for key, _ in itertools.groupby(path) if key] == label:
            probability += math.exp(sum(row[key] for row, key in zip(log_probs, path, strict=True)))
    return -math.log(probability) if probability else math.inf


def torch_loss(logits: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The loss as the recipe reduces it, and -log p of each sample, by torch's own CTC."""
    log_probs = logits.log_softmax(2).transpose(0, 1)  # (T, N, C)
    steps = torch.full_like(lengths, len(log_probs))
    nll = F.ctc_loss(log_probs, labels, steps, lengths, reduction="none")
    loss = F.ctc_loss(log_probs, labels, steps, lengths, zero_infinity=True)
    return loss, nll


def random_batch(seed: int, n: int, steps: int, classes: int, width: int, scale: float = 1.0) -> Batch:
    """Labels of any length up to `width`, whose neighbours are often equal if there are few classes."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(n, steps, classes, generator=generator, dtype=torch.float64)
    lengths = torch.randint(0, width + 1, (n,), generator=generator)
    labels = torch.randint(1, classes, (n, width), generator=generator)
    return logits, labels * (torch.arange(width) < lengths.unsqueeze(1)), lengths
