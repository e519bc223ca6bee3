"""Selection of the pixels that a loss uses; on a GPU the host never waits for a result."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ocr_models.detection.counting import count_both, count_pixels, counts_in_half, on_accelerator

Row = NDArray[np.float32] | NDArray[np.float64]

SAMPLE_STEP = 61
"""Every 61st value of a row is in its sample: a prime, so that the sample of a map has pixels of all columns."""


def hard_example_mask(scores: Tensor, positives: Tensor, training_mask: Tensor, ratio: int = 3) -> Tensor:
    """The pixels that a loss uses: all positive ones, and the negative ones with the highest scores.

    Per image, let P be the number of positive pixels inside the training mask. The threshold is the N-th largest score
    of all negative pixels, inside and outside the training mask, with N = min(ratio * P, their number). A pixel of the
    training mask is selected if it is positive or reaches the threshold. If N is 0, the whole mask is selected.

    Args:
        scores: (N, H, W), compared in float32. NaN reaches every threshold, because the loss must show it.
        positives: (N, H, W) bool.
        training_mask: (N, H, W) bool.
        ratio: number of negative pixels to select per positive pixel.

    Returns:
        (N, H, W) bool.
    """
    scores = scores.detach().float()
    counted = count_both(positives, training_mask)  # (N,)
    wanted = torch.minimum(ratio * counted, scores.shape[-2] * scores.shape[-1] - count_pixels(positives))
    candidates = torch.where(positives, -torch.inf, scores).flatten(1)  # (N, H * W)
    threshold = nth_largest(candidates, wanted.clamp(min=1))
    threshold = torch.where(wanted > 0, threshold, -torch.inf).view(-1, 1, 1)
    return (scores < threshold).logical_not_().logical_or_(positives).logical_and_(training_mask)


def nth_largest(values: Tensor, n: Tensor) -> Tensor:
    """The n-th largest value of each row: values (N, M) float32 or float64, n (N,) integers from 1 to M -> (N,)."""
    if on_accelerator(values):
        return nth_largest_by_bits(values, n)
    rows = zip(values.numpy(), n.tolist(), strict=True)
    return torch.tensor([_nth_largest_of_row(row, k) for row, k in rows], dtype=values.dtype)


def _nth_largest_of_row(row: Row, n: int) -> np.float32 | np.float64:
    """A sample gives bounds that the value is most likely between; selecting from the few values there is faster."""
    sample = np.sort(row[::SAMPLE_STEP])
    rank = n * len(sample) / len(row)
    margin = 4 * math.sqrt(rank) + 20  # four standard deviations of the rank
    lowest, highest = math.ceil(rank + margin), math.floor(rank - margin)
    lower = sample[-lowest] if lowest <= len(sample) else -np.inf
    upper = sample[-highest] if highest >= 1 else np.inf
    kept = row <= upper
    left = n - (len(row) - np.count_nonzero(kept))  # NaN counts as larger than the bounds, as it does for np.partition
    kept &= row >= lower
    between = row[kept]
    if not 1 <= left <= len(between):
        between, left = row, n
    value: np.float32 | np.float64 = np.partition(between, -left)[-left]
    return value


def nth_largest_by_bits(values: Tensor, n: Tensor) -> Tensor:
    """`nth_largest` for a GPU: no sort, and neither shapes nor steps depend on values, so the host never waits.

    Floats have the order of the integers with the same bits, if the order of the negative ones is reversed. The n-th
    largest is the largest integer that at least n values reach; its bits are found two at a time, the highest first.
    """
    integers = torch.int64 if values.dtype == torch.float64 else torch.int32
    keys = _ordered_bits(values.view(integers)).unsqueeze(1)  # (N, 1, M)
    shifts = torch.arange(torch.iinfo(integers).bits - 2, -1, -2, dtype=integers, device=values.device)
    digits = torch.arange(1, 4, dtype=integers, device=values.device) << shifts.unsqueeze(1)  # (16 or 32, 3)
    found = torch.full_like(keys[..., 0], torch.iinfo(integers).min)  # (N, 1)
    for digit in digits.unbind():
        candidates = found ^ digit  # (N, 3), ascending, larger than what was found
        reached = _count_at_least(keys, candidates.unsqueeze(2)) >= n.unsqueeze(1)  # (N, 3)
        found = torch.where(reached, candidates, found).amax(1, keepdim=True)
    return _ordered_bits(found).view(values.dtype).squeeze(1)


def _count_at_least(keys: Tensor, candidates: Tensor) -> Tensor:
    """Integers (N, 1, M) and (N, 3, 1) -> how many of the M reach each candidate, (N, 3)."""
    if not counts_in_half(keys, keys.shape[2]):
        return (keys >= candidates).sum(2, dtype=torch.int32)
    flags = keys.new_empty((*candidates.shape[:2], keys.shape[2]), dtype=torch.float16)
    return torch.ge(keys, candidates, out=flags).sum(2, dtype=torch.float32)


def _ordered_bits(bits: Tensor) -> Tensor:
    """Bits of floats as integers -> integers in the order of the floats, and back. -0.0 comes before 0.0."""
    width = torch.iinfo(bits.dtype)
    return bits ^ ((bits >> (width.bits - 1)) & width.max)
