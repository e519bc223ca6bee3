"""Losses and scores of segmentation maps, over a whole batch and without the host ever waiting for the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMOOTHING = 0.001


def dice_loss(logits: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
    """Dice loss of each map, with p = sigmoid(logit), over the pixels of its mask.

    `1 - 2 * sum(p t) / (sum(p^2) + sum(t^2) + 0.002)`, all sums over the pixels where the mask is 1.

    Args:
        logits: (N, C, H, W), float32 or float64.
        targets, masks: (N, C, H, W) bool.

    Returns:
        (N, C), between 0 and 1.
    """
    targets, masks = targets.contiguous(), masks.contiguous()
    with torch.autocast(logits.device.type, enabled=False):  # it would take the sums' products in half precision
        loss: Tensor = _DiceLoss.apply(logits.contiguous(), _as_bytes(targets), _as_bytes(masks))
    return loss


def _as_bytes(mask: Tensor) -> Tensor:
    """bool -> uint8, which the CPU turns into floats five times faster. The same memory, but for a compiler: that of
    torch 2.9 knows no such view."""
    return mask.to(torch.uint8) if torch.compiler.is_compiling() else mask.view(torch.uint8)


class _DiceLoss(torch.autograd.Function):
    """Dice loss with its gradient written out: nothing of the logits' size is kept between forward and backward.

    With A = sum(p t) and the denominator D, d loss / d p = 4 A / D^2 * p - 2 / D * t inside the mask, 0 outside.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
        sums = [_dice_sums(*piece) for piece in _pieces(logits, targets, masks)]
        overlap, power, area = (torch.stack(parts).view(logits.shape[:2]) for parts in zip(*sums, strict=True))
        total = (power + SMOOTHING) + (area + SMOOTHING)
        ctx.save_for_backward(logits, targets, masks, overlap, total)
        return 1 - 2 * overlap / total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        logits, targets, masks, overlap, total = ctx.saved_tensors
        p_factor = (2 * (grad * (2 * overlap / total / total))).unsqueeze(2)  # (N, C, 1)
        t_factor = (2 * (-grad / total)).unsqueeze(2)
        gradient = torch.empty_like(logits)
        for piece, *inputs in _pieces(gradient, logits, targets, masks, p_factor, t_factor):
            piece.copy_(_dice_gradient(*inputs))
        return gradient, None, None


def _dice_sums(logits: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Maps (..., M) each -> sums of p t, p^2 and t^2 over the mask, (...) each."""
    m = mask.to(logits.dtype)
    p = torch.sigmoid(logits).mul_(m)
    t = target.to(logits.dtype).mul_(m)
    return (p * t).sum(-1), p.square().sum(-1), t.sum(-1)


def _dice_gradient(logits: Tensor, target: Tensor, mask: Tensor, p_factor: Tensor, t_factor: Tensor) -> Tensor:
    """Maps (..., M) and factors (..., 1) -> gradient with respect to the logits (..., M)."""
    p = torch.sigmoid(logits).mul_(mask.to(logits.dtype))
    by_p = (p * p_factor).addcmul_(target.to(logits.dtype), t_factor)
    return by_p.mul_(1 - p).mul_(p)  # p is 0 outside the mask, and so is the product


def _pieces(*maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """(N, C, ...) each -> on a GPU all maps at once, (N * C, M); on the CPU one after another, (M,), so that a map and
    what is computed from it stay in the cache."""
    rows = tuple(tensor.flatten(2).flatten(0, 1) for tensor in maps)
    if _on_accelerator(maps[0]):
        return iter([rows])
    return zip(*(row.unbind() for row in rows), strict=True)


def _on_accelerator(tensor: Tensor) -> bool:
    """Whether to compute as on a GPU: everything at once, no look at the values. So does a compiler, on any device."""
    return tensor.device.type != "cpu" or torch.compiler.is_compiling()


def hard_example_mask(scores: Tensor, positives: Tensor, training_mask: Tensor, ratio: int = 3) -> Tensor:
    """The pixels a loss looks at: every positive one, and of the others those with the highest scores.

    Per image, P positive pixels in the training mask set a threshold, the N-th largest score of all pixels that are not
    positive, N = min(ratio * P, their number); the training mask plays no part in this choice. Selected is what is
    positive or reaches the threshold, inside the training mask; where N is 0, all of the training mask.

    Args:
        scores: (N, H, W), compared in float32. One that is NaN counts as reaching the threshold: a loss must see it.
        positives, training_mask: (N, H, W) bool.

    Returns:
        (N, H, W) bool.
    """
    scores = scores.detach().float()
    counted = count_pixels(positives & training_mask)  # (N,)
    wanted = torch.minimum(ratio * counted, count_pixels(~positives))
    candidates = torch.where(positives, -torch.inf, scores).flatten(1)  # (N, H * W)
    threshold = nth_largest(candidates, wanted.clamp(min=1))
    threshold = torch.where(wanted > 0, threshold, -torch.inf).view(-1, 1, 1)
    return ((scores < threshold).logical_not_() | positives) & training_mask


def nth_largest(values: Tensor, n: Tensor) -> Tensor:
    """values (N, M) float32, n (N,) integers between 1 and M -> the n-th largest of each row, (N,)."""
    if _on_accelerator(values):
        return nth_largest_by_bits(values, n)
    rows = zip(values.numpy(), n.tolist(), strict=True)
    return torch.tensor([_nth_largest_of_row(row, k) for row, k in rows], dtype=values.dtype)


def _nth_largest_of_row(row: NDArray[np.float32], n: int) -> np.float32:
    """A sample shows which values are too small to be among the n largest; the rest is quicker to select from."""
    sample = row[::32]
    rank = n * len(sample) * 5 // (len(row) * 4) + 50
    if rank <= len(sample):
        kept = row[row >= np.partition(sample, -rank)[-rank]]
        row = kept if len(kept) >= n else row
    return np.partition(row, -n)[-n]


def nth_largest_by_bits(values: Tensor, n: Tensor) -> Tensor:
    """`nth_largest` for a GPU: no sort, and neither shapes nor steps depend on values, so there is nothing to wait for.

    Floats have the order of the integers of their bits, once those of the negative ones are turned round. The n-th
    largest is the largest integer that at least n values reach; its bits are found two at a time, the highest first.
    """
    keys = _ordered_bits(values.view(torch.int32))
    digits = torch.arange(1, 4, dtype=torch.int32, device=values.device)
    found = torch.full_like(keys[:, :1], torch.iinfo(torch.int32).min)  # (N, 1)
    for shift in range(30, -1, -2):
        candidates = found ^ (digits << shift)  # (N, 3), ascending
        reached = (keys.unsqueeze(1) >= candidates.unsqueeze(2)).sum(2, dtype=torch.int32)  # (N, 3)
        digit = (reached >= n.unsqueeze(1)).sum(1, keepdim=True, dtype=torch.int32)
        found = found ^ (digit << shift)
    return _ordered_bits(found).view(torch.float32).squeeze(1)


def _ordered_bits(bits: Tensor) -> Tensor:
    """Bits of float32 as int32 -> int32 in the order of the floats; applied again, the bits. -0.0 comes before 0.0."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


def two_class_iou(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean over the two classes of intersection / (union + 1e-6), over the pixels of the mask.

    Args:
        predicted, target, mask: (N, H, W) bool.

    Returns:
        (N,) float32.
    """
    both = count_pixels(predicted & target & mask)
    either = count_pixels((predicted | target) & mask)
    pixels = count_pixels(mask)
    return (both / (either + 1e-6) + (pixels - either) / (pixels - both + 1e-6)) / 2


def count_pixels(mask: Tensor) -> Tensor:
    """(N, H, W) bool -> (N,) int32."""
    return mask.sum((-2, -1), dtype=torch.int32)
