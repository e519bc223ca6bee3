"""The three parts of DB's loss, with explicit gradients; on a GPU the host never waits for a result."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ocr_models.detection.counting import count_both, count_pixels
from ocr_models.detection.hard_examples import nth_largest

EPSILON = 1e-6
NEGATIVES_PER_POSITIVE = 3
LEAST_LOG = -100.0
LEAST_PRODUCT = 1e-12


def map_losses(
    maps: Tensor, text: Tensor, mask: Tensor, threshold_map: Tensor, threshold_mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    with torch.autocast(maps.device.type, enabled=False):
        losses: tuple[Tensor, Tensor, Tensor] = _LossesAtOnce.apply(maps, text, mask, threshold_map, threshold_mask)
    return losses


class _LossesAtOnce(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, text: Tensor, mask: Tensor, threshold_map: Tensor, threshold_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        probability, threshold, binary = maps.unbind(1)
        positives = count_both(text, mask).sum(dtype=torch.int64)
        negative = mask & ~text
        wanted = torch.minimum(count_pixels(negative).sum(dtype=torch.int64), NEGATIVES_PER_POSITIVE * positives)
        candidates = torch.where(negative, probability, -torch.inf)  # the loss of negatives grows with P
        least = nth_largest(candidates.view(1, -1), wanted.clamp(min=1).view(1))
        harder, tied = candidates > least, candidates == least
        missing = wanted - count_pixels(harder).sum(dtype=torch.int64)
        share = missing.to(maps.dtype) / count_pixels(tied).sum(dtype=torch.int64)
        weights = (tied * share).masked_fill_(harder.logical_or_(text & mask), 1)
        bce = torch.where(text, probability.log(), (-probability).log1p()).clamp_(min=LEAST_LOG)
        counted = (positives + wanted).to(maps.dtype) + EPSILON
        difference = (threshold - threshold_map.to(maps.dtype)).abs_().mul_(threshold_mask)
        threshold_pixels = count_pixels(threshold_mask).sum(dtype=torch.int64).to(maps.dtype) + EPSILON
        inside = binary * mask
        overlap = (inside * text).sum()
        total = inside.sum() + positives + EPSILON
        ctx.save_for_backward(
            maps, text, mask, threshold_map, threshold_mask, weights, counted, threshold_pixels, overlap, total
        )
        return -(bce * weights).sum() / counted, difference.sum() / threshold_pixels, 1 - 2 * overlap / total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        maps, text, mask, threshold_map, threshold_mask, weights, counted, threshold_pixels, overlap, total = (
            ctx.saved_tensors
        )
        probability, threshold, binary = maps.unbind(1)
        product = ((1 - probability) * probability).clamp_(min=LEAST_PRODUCT)
        by_probability = (probability - text.to(maps.dtype)) / product * (weights * (grads[0] / counted))
        sign = (threshold - threshold_map.to(maps.dtype)).sign_()
        by_threshold = sign * threshold_mask * (grads[1] / threshold_pixels)
        by_binary = mask * (grads[2] * (2 * overlap / total / total)) - (mask & text) * (grads[2] * (2 / total))
        return torch.stack((by_probability, by_threshold, by_binary), dim=1), None, None, None, None
