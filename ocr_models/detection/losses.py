"""Losses and scores of segmentation maps, for a whole batch; on a GPU the host never waits for a result."""

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

    `1 - 2 * sum(p t) / (sum(p^2) + sum(t^2) + 0.002)`, all sums over the pixels in the mask.

    Args:
        logits: (N, C, H, W), float32 or float64.
        targets: (N, C, H, W) bool.
        masks: (N, C, H, W) bool.

    Returns:
        (N, C), between 0 and 1.
    """
    targets, masks = targets.contiguous(), masks.contiguous()
    with torch.autocast(logits.device.type, enabled=False):  # it would compute the products in half precision
        loss: Tensor = _DiceLoss.apply(logits.contiguous(), _as_bytes(targets), _as_bytes(masks))
    return loss


def _as_bytes(mask: Tensor) -> Tensor:
    """View a bool tensor as uint8, which the CPU converts to floats five times faster.

    A copy under a compiler, because the compiler of torch 2.9 does not support this view.
    """
    return mask.to(torch.uint8) if torch.compiler.is_compiling() else mask.view(torch.uint8)


class _DiceLoss(torch.autograd.Function):
    """Dice loss with an explicit gradient, so that no intermediate map is kept between forward and backward.

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
    """Maps (N, C, ...) each -> on a GPU all at once, (N * C, M); on the CPU one after another, (M,).

    One map and its intermediate results then stay in the CPU's cache.
    """
    rows = tuple(tensor.flatten(2).flatten(0, 1) for tensor in maps)
    if _on_accelerator(maps[0]):
        return iter([rows])
    return zip(*(row.unbind() for row in rows), strict=True)


def _on_accelerator(tensor: Tensor) -> bool:
    """Whether to compute as on a GPU: everything at once, without reading values. True under a compiler as well."""
    return tensor.device.type != "cpu" or torch.compiler.is_compiling()


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
    counted = count_pixels(positives & training_mask)  # (N,)
    wanted = torch.minimum(ratio * counted, count_pixels(~positives))
    candidates = torch.where(positives, -torch.inf, scores).flatten(1)  # (N, H * W)
    threshold = nth_largest(candidates, wanted.clamp(min=1))
    threshold = torch.where(wanted > 0, threshold, -torch.inf).view(-1, 1, 1)
    return ((scores < threshold).logical_not_() | positives) & training_mask


def nth_largest(values: Tensor, n: Tensor) -> Tensor:
    """The n-th largest value of each row: values (N, M) float32, n (N,) integers from 1 to M -> (N,)."""
    if _on_accelerator(values):
        return nth_largest_by_bits(values, n)
    rows = zip(values.numpy(), n.tolist(), strict=True)
    return torch.tensor([_nth_largest_of_row(row, k) for row, k in rows], dtype=values.dtype)


def _nth_largest_of_row(row: NDArray[np.float32], n: int) -> np.float32:
    """A sample shows which values are too small to be among the n largest; selecting from the others is faster."""
    sample = row[::32]
    rank = n * len(sample) * 5 // (len(row) * 4) + 50
    if rank <= len(sample):
        kept = row[row >= np.partition(sample, -rank)[-rank]]
        row = kept if len(kept) >= n else row
    value: np.float32 = np.partition(row, -n)[-n]
    return value


def nth_largest_by_bits(values: Tensor, n: Tensor) -> Tensor:
    """`nth_largest` for a GPU: no sort, and neither shapes nor steps depend on values, so the host never waits.

    Floats have the order of the integers with the same bits, if the order of the negative ones is reversed. The n-th
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
    """Bits of float32 as int32 -> int32 in the order of the floats, and back. -0.0 comes before 0.0."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


def two_class_iou(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean over the two classes of intersection / (union + 1e-6), over the pixels of the mask.

    Args:
        predicted: (N, H, W) bool.
        target: (N, H, W) bool.
        mask: (N, H, W) bool.

    Returns:
        (N,) float32.
    """
    both = count_pixels(predicted & target & mask)
    either = count_pixels((predicted | target) & mask)
    pixels = count_pixels(mask)
    return (both / (either + 1e-6) + (pixels - either) / (pixels - both + 1e-6)) / 2


def count_pixels(mask: Tensor) -> Tensor:
    """Number of True pixels per image: (N, H, W) bool -> (N,) int32."""
    return mask.sum((-2, -1), dtype=torch.int32)
