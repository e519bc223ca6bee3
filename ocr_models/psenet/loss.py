"""The training loss of PSENet: dice of the text map over hard examples, and dice of the kernels inside the text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ocr_models.detection.counting import as_bool
from ocr_models.detection.hard_examples import hard_example_mask
from ocr_models.detection.losses import dice_loss, two_class_iou

TEXT_WEIGHT = 0.7
KERNEL_WEIGHT = 0.3


class PSENetLoss(nn.Module):
    """Losses and scores per image. A training step minimises mean(loss_text) + mean(loss_kernels).

    Everything is computed in float32; in float64 if the logits are float64.
    """

    def forward(self, logits: Tensor, gt_text: Tensor, gt_kernels: Tensor, training_mask: Tensor) -> dict[str, Tensor]:
        """Compute the losses and scores of a batch.

        Args:
            logits: (N, 7, H, W), the text map, then six kernels, largest first.
            gt_text: (N, H, W), 0 or 1, of any type.
            gt_kernels: (N, 6, H, W), 0 or 1, of any type.
            training_mask: (N, H, W), 0 or 1, of any type; pixels with 0 are not trained on.

        Returns:
            `loss_text` and `loss_kernels`, weighted 0.7 and 0.3, between 0 and their weight; `iou_text` and
            `iou_kernel`, of the text map and of the smallest kernel, between 0 and 1. All (N,).

        Raises:
            ValueError: if the shapes do not match.
        """
        _check_shapes(logits, gt_text, gt_kernels, training_mask)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        text, kernels, trained = as_bool(gt_text), as_bool(gt_kernels), as_bool(training_mask)
        scores = logits.detach()
        hard = hard_example_mask(scores[:, 0], text, trained)
        inside = text & trained
        labels, masks = (text.unsqueeze(1), kernels), (hard.unsqueeze(1), inside.unsqueeze(1))
        dice = dice_loss(logits, labels, masks)  # (N, 7)
        return {
            "loss_text": TEXT_WEIGHT * dice[:, 0],
            "loss_kernels": (KERNEL_WEIGHT * dice[:, 1:]).mean(1),
            "iou_text": two_class_iou(scores[:, 0] > 0, text, trained),
            "iou_kernel": two_class_iou(scores[:, -1] > 0, kernels[:, -1], inside),
        }


def _check_shapes(logits: Tensor, gt_text: Tensor, gt_kernels: Tensor, training_mask: Tensor) -> None:
    n, maps, *size = logits.shape
    fits = (
        gt_text.shape == (n, *size) and training_mask.shape == (n, *size) and gt_kernels.shape == (n, maps - 1, *size)
    )
    if not fits:
        found = ", ".join(str(tuple(t.shape)) for t in (logits, gt_text, gt_kernels, training_mask))
        raise ValueError(f"logits, text, kernels and training mask do not fit each other: {found}")
