"""Losses and scores of segmentation maps, for a whole batch; on a GPU the host never waits for a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMOOTHING = 0.001

MapGroups = Tensor | Sequence[Tensor]
"""Maps (N, C, H, W), in one tensor or in several with some of the C maps each."""


def dice_loss(logits: Tensor, targets: MapGroups, masks: MapGroups) -> Tensor:
    """Dice loss of each map, with p = sigmoid(logit), over the pixels of its mask.

    `1 - 2 * sum(p t) / (sum(p^2) + sum(t^2) + 0.002)`, all sums over the pixels in the mask.

    Args:
        logits: (N, C, H, W), float32 or float64.
        targets: (N, C, H, W) bool, or several tensors of consecutive maps, so that nobody must concatenate them.
        masks: bool, as many tensors as `targets`; (N, 1, H, W) for one mask of all maps of a tensor.

    Returns:
        (N, C), between 0 and 1.
    """
    dice = _DiceLossAtOnce if _on_accelerator(logits) else _DiceLossPiecewise
    targets, masks = (tuple([maps] if isinstance(maps, Tensor) else maps) for maps in (targets, masks))
    with torch.autocast(logits.device.type, enabled=False):  # it would compute the products in half precision
        loss: Tensor = dice.apply(logits.contiguous(), *targets, *masks)
    return loss


def _halves(tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    middle = len(tensors) // 2
    return tensors[:middle], tensors[middle:]


def _dice_total(power: Tensor, area: Tensor) -> Tensor:
    return (power + SMOOTHING) + (area + SMOOTHING)


def _dice_factors(grad: Tensor, overlap: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """With A = sum(p t) and the denominator D, d loss / d p = 4 A / D^2 * p - 2 / D * t -> the factors of p and t."""
    return 2 * (grad * (2 * overlap / total / total)), 2 * (-grad / total)


class _DiceLossPiecewise(torch.autograd.Function):
    """Dice loss for a CPU: one map after another, so that a map and its intermediate results stay in the cache.

    Its gradient is explicit, so that no intermediate map is kept between forward and backward.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, *labels: Tensor) -> Tensor:
        sums = [_dice_sums(*rows) for rows in zip(_rows(logits), *_label_rows(logits, labels), strict=True)]
        overlap, power, area = (torch.stack(parts).view(logits.shape[:2]) for parts in zip(*sums, strict=True))
        total = _dice_total(power, area)
        ctx.save_for_backward(logits, overlap, total, *labels)
        return 1 - 2 * overlap / total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        logits, overlap, total, *labels = ctx.saved_tensors
        gradient = torch.empty_like(logits)
        factors = (factor.flatten() for factor in _dice_factors(grad, overlap, total))
        for rows in zip(_rows(gradient), _rows(logits), *_label_rows(logits, labels), *factors, strict=True):
            _write_dice_gradient(*rows)
        return gradient, *(None for _ in labels)


def _rows(maps: Tensor) -> tuple[Tensor, ...]:
    """(N, C, H, W) -> N * C rows, (H * W,) each."""
    return maps.flatten(2).flatten(0, 1).unbind()


def _label_rows(logits: Tensor, labels: Sequence[Tensor]) -> tuple[Iterator[Tensor], Iterator[Tensor]]:
    """The rows of the targets and of the masks, uint8, which the CPU converts to floats five times faster than bool."""
    targets, masks = _halves(labels)
    masks = [mask.expand_as(target) for mask, target in zip(masks, targets, strict=True)]

    def rows(maps: Sequence[Tensor]) -> Iterator[Tensor]:
        for image in range(len(logits)):
            for each in maps:
                yield from (row.contiguous().view(torch.uint8).flatten() for row in each[image].unbind())

    return rows(targets), rows(masks)


def _dice_sums(logits: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (M,) -> sums of p t, p^2 and t^2 over the mask."""
    m = mask.to(logits.dtype)
    p = torch.sigmoid(logits).mul_(m)
    t = target.to(logits.dtype).mul_(m)
    return (p * t).sum(), p.square().sum(), t.sum()


def _write_dice_gradient(
    gradient: Tensor, logits: Tensor, target: Tensor, mask: Tensor, p_factor: Tensor, t_factor: Tensor
) -> None:
    """Rows (M,) and two numbers -> gradient with respect to the logits, written into the first row."""
    p = torch.sigmoid(logits).mul_(mask.to(logits.dtype))
    torch.mul(p, p_factor, out=gradient).addcmul_(target.to(logits.dtype), t_factor)
    gradient.mul_(1 - p).mul_(p)  # p is 0 outside the mask, and so is the product


class _DiceLossAtOnce(torch.autograd.Function):
    """Dice loss for a GPU and for a compiler: all maps of a tensor at once, in few passes over the memory.

    The masked probabilities are kept between forward and backward, and not the logits.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, *labels: Tensor) -> Tensor:
        targets, masks = _halves(labels)
        sizes = [target.shape[1] for target in targets]
        kept, sums = [], []
        for part, target, mask in zip(logits.split(sizes, dim=1), targets, masks, strict=True):  # (N, c, H, W) each
            p = torch.sigmoid(part).mul_(mask)
            power = torch.linalg.vector_norm(p, dim=(-2, -1)).square()  # (N, c)
            sums.append(((p * target).sum((-2, -1)), power, count_both(target, mask).to(p.dtype)))
            kept.append(p)
        overlap, power, area = (torch.cat(parts, dim=1) for parts in zip(*sums, strict=True))  # (N, C) each
        total = _dice_total(power, area)
        ctx.save_for_backward(overlap, total, *kept, *targets)
        return 1 - 2 * overlap / total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        overlap, total, *maps = ctx.saved_tensors
        kept, targets = _halves(maps)
        sizes = [target.shape[1] for target in targets]
        factors = [factor[..., None, None].split(sizes, dim=1) for factor in _dice_factors(grad, overlap, total)]
        by_p = [
            (p * p_factor).addcmul_(target, t_factor)
            for p, target, p_factor, t_factor in zip(kept, targets, *factors, strict=True)
        ]
        nothing = (None,) * (2 * len(targets))
        if torch.compiler.is_compiling():
            parts = [torch.ops.aten.sigmoid_backward(each, p) for each, p in zip(by_p, kept, strict=True)]
            return torch.cat(parts, dim=1), *nothing
        gradient = torch.empty((*total.shape, *kept[0].shape[2:]), dtype=grad.dtype, device=grad.device)
        for part, each, p in zip(gradient.split(sizes, dim=1), by_p, kept, strict=True):
            torch.ops.aten.sigmoid_backward.grad_input(each, p, grad_input=part)  # p (1 - p) is 0 outside the mask
        return gradient, *nothing


def _on_accelerator(tensor: Tensor) -> bool:
    """Whether to compute as on a GPU: everything at once, without reading values. True under a compiler as well."""
    return tensor.device.type != "cpu" or torch.compiler.is_compiling()


def _eager_on_gpu(tensor: Tensor) -> bool:
    """Whether each operation is a pass over the memory of a GPU; a compiler joins them."""
    return tensor.device.type == "cuda" and not torch.compiler.is_compiling()


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
    keys = _ordered_bits(values.view(torch.int32)).unsqueeze(1)  # (N, 1, M)
    shifts = torch.arange(30, -1, -2, dtype=torch.int32, device=values.device)
    digits = torch.arange(1, 4, dtype=torch.int32, device=values.device) << shifts.unsqueeze(1)  # (16, 3)
    found = torch.full_like(keys[..., 0], torch.iinfo(torch.int32).min)  # (N, 1)
    for digit in digits.unbind():
        candidates = found ^ digit  # (N, 3), ascending, larger than what was found
        reached = _count_at_least(keys, candidates.unsqueeze(2)) >= n.unsqueeze(1)  # (N, 3)
        found = torch.where(reached, candidates, found).amax(1, keepdim=True)
    return _ordered_bits(found).view(torch.float32).squeeze(1)


def _count_at_least(keys: Tensor, candidates: Tensor) -> Tensor:
    """Integers (N, 1, M) and (N, 3, 1) -> how many of the M reach each candidate, (N, 3)."""
    if not _counts_in_half(keys, keys.shape[2]):
        return (keys >= candidates).sum(2, dtype=torch.int32)
    flags = keys.new_empty((*candidates.shape[:2], keys.shape[2]), dtype=torch.float16)
    return torch.ge(keys, candidates, out=flags).sum(2, dtype=torch.float32)


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
    both = count_both(predicted, target & mask)
    either = count_both(predicted | target, mask)
    pixels = count_pixels(mask)
    return (both / (either + 1e-6) + (pixels - either) / (pixels - both + 1e-6)) / 2


def count_pixels(mask: Tensor) -> Tensor:
    """Number of True pixels of each map: (..., H, W) bool -> (...), integers of an integer or float type."""
    return count_both(mask, mask)


def count_both(a: Tensor, b: Tensor) -> Tensor:
    """Number of pixels that are True in both.

    Args:
        a: (..., H, W) bool.
        b: bool, of a shape that can be expanded to that of `a`.

    Returns:
        (...), integers of an integer or float type.
    """
    if not _counts_in_half(a, a.shape[-2] * a.shape[-1]):
        return (a & b).sum((-2, -1), dtype=torch.int32)
    flags = torch.logical_and(a, b, out=torch.empty(a.shape, dtype=torch.float16, device=a.device))
    return flags.sum((-2, -1), dtype=torch.float32)


def _counts_in_half(flags: Tensor, most: int) -> bool:
    """Whether to count flags up to `most` in floats: a GPU first writes them as 32-bit integers to sum bytes, but sums
    half precision in float32 directly, which is exact up to 2^24.
    """
    return _eager_on_gpu(flags) and most <= 2**24
