"""DB's loss, as a first version would be written: the baseline for the suite's own loss.

Labels are float32 maps, the number of the hardest negatives is read back to the host, autograd computes the gradient.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def baseline_losses(
    maps: Tensor, shrink_map: Tensor, shrink_mask: Tensor, threshold_map: Tensor, threshold_mask: Tensor
) -> dict[str, Tensor]:
    """Maps (N, 3, H, W) and float32 labels (N, H, W) -> the loss and its three parts, scalars."""
    probability, threshold, binary = maps[:, 0], maps[:, 1], maps[:, 2]
    losses = {
        "loss_probability": _balanced_bce(probability, shrink_map, shrink_mask),
        "loss_threshold": ((threshold - threshold_map).abs() * threshold_mask).sum() / (threshold_mask.sum() + 1e-6),
        "loss_binary": _dice(binary, shrink_map, shrink_mask),
    }
    loss = losses["loss_probability"] + 10 * losses["loss_threshold"] + losses["loss_binary"]
    return {"loss": loss, **losses}


def _balanced_bce(probability: Tensor, shrink_map: Tensor, shrink_mask: Tensor) -> Tensor:
    positive, negative = shrink_map * shrink_mask, (1 - shrink_map) * shrink_mask
    n_positive = int(positive.sum().item())
    n_negative = min(int(negative.sum().item()), 3 * n_positive)
    bce = F.binary_cross_entropy(probability, shrink_map, reduction="none")
    hardest = (bce * negative).flatten().topk(n_negative).values
    return ((bce * positive).sum() + hardest.sum()) / (n_positive + n_negative + 1e-6)


def _dice(binary: Tensor, shrink_map: Tensor, shrink_mask: Tensor) -> Tensor:
    overlap = (binary * shrink_map * shrink_mask).sum()
    total = (binary * shrink_mask).sum() + (shrink_map * shrink_mask).sum() + 1e-6
    return 1 - 2 * overlap / total
