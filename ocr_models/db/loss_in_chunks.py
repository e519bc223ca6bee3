"""DB's loss for a CPU: chunk by chunk, so that the pixels and their intermediate results stay in the cache.

It computes what `loss_at_once` defines. NumPy computes with flags and logarithms, several times faster than torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.db.loss_at_once import (
    EPSILON,
    LEAST_LOG,
    LEAST_PRODUCT,
    NEGATIVES_PER_POSITIVE,
    Labels,
    Losses,
    Sums,
)
from ocr_models.detection.hard_examples import nth_largest

CHUNK = 65_536
"""Pixels."""

Floats = NDArray[Any]
Flags = NDArray[np.bool_]


def losses(maps: Tensor, labels: Labels) -> tuple[Losses, Sums]:
    """Maps (N, 3, H, W) contiguous, float32 or float64 -> the losses, and what `gradient` needs."""
    p, t, b = maps.detach().unbind(1)
    bce, positives, wanted, least, share = _probability_sums(p, labels.text, labels.mask)
    distance, trained = _threshold_sums(t, labels.threshold_map, labels.threshold_mask)
    overlap, inside = _binary_sums(b, labels.text, labels.mask)
    counted, total = positives + wanted + EPSILON, inside + positives + EPSILON
    exact = torch.tensor((least, share, counted, trained + EPSILON, overlap, total), dtype=torch.float64)
    sums = Sums(*exact.unbind())
    values = (bce / sums.counted, distance / sums.threshold_pixels, 1 - 2 * sums.overlap / sums.total)
    probability, threshold, binary = (value.to(maps.dtype) for value in values)
    return (probability, threshold, binary), sums


def gradient(maps: Tensor, labels: Labels, sums: Sums, grads: Losses) -> Tensor:
    """(N, 3, H, W): the gradient with respect to the maps, given that with respect to the losses."""
    p, t, _ = maps.unbind(1)
    found = torch.empty_like(maps)
    by_p, by_t, by_b = found.unbind(1)
    _write_by_probability(by_p, p, labels, sums, (grads[0] / sums.counted).item())
    _write_by_threshold(by_t, t, labels, (grads[1] / sums.threshold_pixels).item())
    per_overlap = 2 * grads[2] / sums.total
    _write_by_binary(by_b, labels, (per_overlap * sums.overlap / sums.total).item(), per_overlap.item())
    return found


def _probability_sums(p: Tensor, text: Tensor, mask: Tensor) -> tuple[float, int, int, float, float]:
    """The sum of b over the positives and the hardest negatives; n+, n-, and `least` and `share` of `Sums`."""
    bce, positives, negatives = 0.0, 0, 0
    candidates = torch.empty(p.shape, dtype=p.dtype)
    for own, some_p, s, m in _chunks(candidates, p, text, mask):
        positive, negative = _classes(s, m)
        positives += np.count_nonzero(positive)
        negatives += np.count_nonzero(negative)
        _write_candidates(own, some_p, negative)
        bce -= _sum_of_logs(np.log, some_p.numpy()[positive])
        bce += 0 * some_p.sum().item()  # NaN if any P is NaN or infinite
    wanted = min(NEGATIVES_PER_POSITIVE * positives, negatives)
    least = _least_of(candidates, wanted, negatives)
    missing, tied = wanted, 0
    for (own,) in _chunks(candidates):
        values = own.numpy()
        harder = values[values > least]
        bce -= _sum_of_logs(np.log1p, -harder)
        missing -= len(harder)
        tied += np.count_nonzero(values == least)
    bce -= missing * _sum_of_logs(np.log1p, -np.array([least])) if missing else 0
    return bce, positives, wanted, least, missing / max(tied, 1)  # none is tied with NaN


def _least_of(candidates: Tensor, wanted: int, negatives: int) -> float:
    """A value that as few candidates exceed as are wanted, and more reach."""
    if wanted in (0, negatives):
        return 0.0 if wanted else math.inf  # P of a negative is at least 0
    return nth_largest(candidates.view(1, -1), torch.tensor([wanted])).item()


def _write_by_probability(gradient: Tensor, p: Tensor, labels: Labels, sums: Sums, factor: float) -> None:
    least, share = sums.least.item(), sums.share.item()
    for own, some_p, s, m in _chunks(gradient, p, labels.text, labels.mask):
        positive, negative = _classes(s, m)
        candidates = _write_candidates(torch.empty_like(some_p), some_p, negative).numpy()
        weights = _as_floats(positive | (candidates > least), p.dtype)
        weights.numpy()[np.flatnonzero(candidates == least)] = share
        product = torch.sub(1, some_p).mul_(some_p).clamp_(min=LEAST_PRODUCT)
        torch.sub(some_p, _as_floats(s.numpy(), p.dtype), out=own).div_(product).mul_(weights).mul_(factor)


def _threshold_sums(t: Tensor, threshold_map: Tensor, threshold_mask: Tensor) -> tuple[float, int]:
    """sum(|T - t| tm) and sum(tm)."""
    distance, trained = 0.0, 0
    for some_t, true_t, tm in _chunks(t, threshold_map, threshold_mask):
        distance += torch.dot((some_t - true_t.to(t.dtype)).abs_(), _as_floats(tm.numpy(), t.dtype)).item()
        trained += np.count_nonzero(tm.numpy())
    return distance, trained


def _write_by_threshold(gradient: Tensor, t: Tensor, labels: Labels, factor: float) -> None:
    for own, some_t, true_t, tm in _chunks(gradient, t, labels.threshold_map, labels.threshold_mask):
        torch.sub(some_t, true_t.to(t.dtype), out=own).sign_().mul_(_as_floats(tm.numpy(), t.dtype)).mul_(factor)


def _binary_sums(b: Tensor, text: Tensor, mask: Tensor) -> tuple[float, float]:
    """sum(B s m) and sum(B m)."""
    overlap = inside = 0.0
    for some_b, s, m in _chunks(b, text, mask):
        positive, _ = _classes(s, m)
        overlap += torch.dot(some_b, _as_floats(positive, b.dtype)).item()
        inside += torch.dot(some_b, _as_floats(m.numpy(), b.dtype)).item()
    return overlap, inside


def _write_by_binary(gradient: Tensor, labels: Labels, of_pixel: float, of_text: float) -> None:
    for own, s, m in _chunks(gradient, labels.text, labels.mask):
        positive, _ = _classes(s, m)
        torch.mul(_as_floats(m.numpy(), own.dtype), of_pixel, out=own)
        own.sub_(_as_floats(positive, own.dtype), alpha=of_text)


def _chunks(*maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Maps (N, H, W), each image contiguous -> the same pixels of each, at most `CHUNK`."""
    for images in zip(*maps, strict=True):
        yield from zip(*(image.view(-1).split(CHUNK) for image in images), strict=True)


def _classes(s: Tensor, m: Tensor) -> tuple[Flags, Flags]:
    """Which pixels are positive, and which are negative."""
    text, counted = s.numpy(), m.numpy()
    return text & counted, text < counted


def _write_candidates(candidates: Tensor, p: Tensor, negative: Flags) -> Tensor:
    """P of the negatives, -1 for other pixels: P f + (f - 1), because torch.where takes three times as long."""
    flags = _as_floats(negative, p.dtype)
    return torch.addcmul(flags - 1, p, flags, out=candidates)


def _sum_of_logs(log: np.ufunc, values: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.maximum(log(values), LEAST_LOG).sum())


def _as_floats(flags: Flags, dtype: torch.dtype) -> Tensor:
    """0 and 1, by way of uint8, which torch converts six times as fast as bool."""
    return torch.from_numpy(flags.view(np.uint8)).to(dtype)
