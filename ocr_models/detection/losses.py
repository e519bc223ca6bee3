"""Losses and scores of segmentation maps, for a whole batch; on a GPU the host never waits for a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ocr_models.detection.counting import count_both, count_pixels, on_accelerator

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
    dice = _DiceLossAtOnce if on_accelerator(logits) else _DiceLossPiecewise
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
