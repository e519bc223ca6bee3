"""DB's loss for a GPU and for a compiler: the whole batch at once. The host never waits for a result.

With s and m the shrink map and mask, t and tm the threshold map and mask, eps = 1e-6, and sums over the whole batch:

- probability: b = BCE(P, s) with each logarithm at least -100, n+ = sum(s m), n- = min(sum((1 - s) m), 3 n+).
  (sum(b s m) + sum of the n- largest of b (1 - s) m) / (n+ + n- + eps)
- threshold: sum(|T - t| tm) / (sum(tm) + eps)
- binary: 1 - 2 sum(B s m) / (sum(B m) + sum(s m) + eps)

b of a negative grows with P, so the negatives with the n- largest b are those with the n- largest P.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ocr_models.detection.counting import count_both, count_pixels
from ocr_models.detection.hard_examples import nth_largest

EPSILON = 1e-6
NEGATIVES_PER_POSITIVE = 3
LEAST_LOG = -100.0
LEAST_PRODUCT = 1e-12
"""Of P and 1 - P in the gradient of BCE: torch has the same bound."""

Losses = tuple[Tensor, Tensor, Tensor]
"""Probability, threshold and binary, scalars."""


class Labels(NamedTuple):
    """What the maps should be: (N, H, W) each, bool but for `threshold_map`, which is floating."""

    text: Tensor
    mask: Tensor
    threshold_map: Tensor
    threshold_mask: Tensor


class Sums(NamedTuple):
    """What the gradient needs of the forward pass: scalars, as exact as the maps or more.

    Attributes:
        least: the smallest P of the n- hardest negatives.
        share: weight of a negative with exactly this P. Those with a larger P have 1, and all weights add up to n-.
        counted: n+ + n- + eps.
        threshold_pixels: sum(tm) + eps.
        overlap: sum(B s m).
        total: sum(B m) + sum(s m) + eps.
    """

    least: Tensor
    share: Tensor
    counted: Tensor
    threshold_pixels: Tensor
    overlap: Tensor
    total: Tensor


def losses(maps: Tensor, labels: Labels) -> tuple[Losses, Sums]:
    """Maps (N, 3, H, W) contiguous, float32 or float64 -> the losses, and what `gradient` needs."""
    p, t, b = maps.unbind(1)
    s, m, true_t, tm = labels
    positives = _total(count_both(s, m))
    wanted = torch.minimum(_total(count_both(~s, m)), NEGATIVES_PER_POSITIVE * positives)  # n-
    candidates = _candidates(p, s, m)
    least = nth_largest(candidates.view(1, -1), wanted.clamp(min=1).view(1)).squeeze()
    missing = wanted - _total(count_pixels(candidates > least))
    share = missing.to(p.dtype) / _total(count_pixels(candidates == least))
    log = torch.where(s, p.log(), (-p).log1p()).clamp_(min=LEAST_LOG)  # -b
    inside = b * m
    sums = Sums(
        least=least,
        share=share,
        counted=(positives + wanted).to(p.dtype) + EPSILON,
        threshold_pixels=_total(count_pixels(tm)).to(p.dtype) + EPSILON,
        overlap=(inside * s).sum(),
        total=inside.sum() + positives.to(p.dtype) + EPSILON,
    )
    probability = -(log * _weights(p, s, m, sums)).sum() / sums.counted
    threshold = (t - true_t.to(p.dtype)).abs_().mul_(tm).sum() / sums.threshold_pixels
    return (probability, threshold, 1 - 2 * sums.overlap / sums.total), sums


def gradient(maps: Tensor, labels: Labels, sums: Sums, grads: Losses) -> Tensor:
    """(N, 3, H, W): the gradient with respect to the maps, given that with respect to the losses."""
    p, t, _ = maps.unbind(1)
    s, m, true_t, tm = labels
    product = ((1 - p) * p).clamp_(min=LEAST_PRODUCT)
    weights = _weights(p, s, m, sums).mul_(grads[0] / sums.counted)
    by_p = (p - s.to(p.dtype)).div_(product).mul_(weights)
    by_t = (t - true_t.to(p.dtype)).sign_().mul_(tm * (grads[1] / sums.threshold_pixels))
    of_pixel, of_text = 2 * grads[2] * sums.overlap / sums.total / sums.total, 2 * grads[2] / sums.total
    by_b = torch.where(s, of_pixel - of_text, of_pixel) * m
    return torch.stack((by_p, by_t, by_b), dim=1)


def _total(counts: Tensor) -> Tensor:
    """Counts of the images -> their sum as int64: float32 holds no integers above 2^24."""
    return counts.sum(dtype=torch.int64)


def _candidates(p: Tensor, s: Tensor, m: Tensor) -> Tensor:
    """P of the negatives, -1 for other pixels."""
    return torch.where(m & ~s, p, -1.0)


def _weights(p: Tensor, s: Tensor, m: Tensor, sums: Sums) -> Tensor:
    """How much each pixel counts in the probability loss: (N, H, W) of the type of p."""
    candidates = _candidates(p, s, m)
    return ((candidates == sums.least) * sums.share).masked_fill_((candidates > sums.least).logical_or_(s & m), 1)
