"""The training loss of DB: BCE of the probability map, L1 of the threshold map, and dice of the binary map."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ocr_models.db import loss_at_once, loss_in_chunks
from ocr_models.db.loss_at_once import Labels, Losses, Sums
from ocr_models.detection.counting import as_bool, on_accelerator

THRESHOLD_WEIGHT = 10


class DBLoss(nn.Module):
    """The loss of a batch and its three parts. All sums run over the whole batch, not over each image.

    Everything is computed in float32; in float64 if the maps are float64. NaN or infinity anywhere in a map makes its
    part NaN or infinite, even where a mask is 0.
    """

    def forward(
        self, maps: Tensor, shrink_map: Tensor, shrink_mask: Tensor, threshold_map: Tensor, threshold_mask: Tensor
    ) -> dict[str, Tensor]:
        """Compute the losses; `ocr_models.db.loss_at_once` has their formulas.

        Of negatives with the same probability at the limit of the hardest ones, each gets the same share of the
        gradient, so that the result does not depend on the order of the pixels.

        Args:
            maps: (N, 3, H, W), floating, from 0 to 1: the probability, threshold and binary maps.
            shrink_map: (N, H, W), 0 or 1, of any type: 1 inside the shrunk texts.
            shrink_mask: (N, H, W), 0 or 1, of any type; probability and binary map are not trained on pixels with 0.
            threshold_map: (N, H, W), floating: what the threshold map should be.
            threshold_mask: (N, H, W), 0 or 1, of any type; the threshold map is not trained on pixels with 0.

        Returns:
            `loss`, `loss_probability`, `loss_threshold` and `loss_binary`, scalars; loss = loss_probability + 10
            loss_threshold + loss_binary. Each has a gradient.

        Raises:
            ValueError: if the shapes do not match.
        """
        _check_shapes(maps, shrink_map, shrink_mask, threshold_map, threshold_mask)
        maps = maps.to(torch.promote_types(maps.dtype, torch.float32)).contiguous()
        text, mask, trained = (as_bool(each).contiguous() for each in (shrink_map, shrink_mask, threshold_mask))
        parts: Losses = _Parts.apply(maps, text, mask, threshold_map.detach().contiguous(), trained)
        probability, threshold, binary = parts
        return {
            "loss": probability + THRESHOLD_WEIGHT * threshold + binary,
            "loss_probability": probability,
            "loss_threshold": threshold,
            "loss_binary": binary,
        }


class _Parts(torch.autograd.Function):
    """The three parts of the loss. Their gradient is explicit, so that no intermediate map is kept for it."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, *labels: Tensor) -> Losses:
        losses = loss_at_once.losses if on_accelerator(maps) else loss_in_chunks.losses
        parts, sums = losses(maps, Labels(*labels))
        ctx.save_for_backward(maps, *labels, *sums)
        return parts

    @staticmethod
    def backward(ctx: Any, probability: Tensor, threshold: Tensor, binary: Tensor) -> tuple[Tensor | None, ...]:
        maps, text, mask, threshold_map, threshold_mask, *sums = ctx.saved_tensors
        gradient = loss_at_once.gradient if on_accelerator(maps) else loss_in_chunks.gradient
        labels = Labels(text, mask, threshold_map, threshold_mask)
        return gradient(maps, labels, Sums(*sums), (probability, threshold, binary)), None, None, None, None


def _check_shapes(maps: Tensor, *labels: Tensor) -> None:
    expected = (*maps.shape[:1], *maps.shape[2:])
    if maps.dim() != 4 or maps.shape[1] != 3 or any(label.shape != expected for label in labels):
        found = ", ".join(str(tuple(each.shape)) for each in (maps, *labels))
        raise ValueError(
            f"maps, shrink map, shrink mask, threshold map and threshold mask do not fit each other: {found}"
        )
