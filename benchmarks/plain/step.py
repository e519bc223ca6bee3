"""PSENet's training step as one would first write it: the yardstick for the suite's own.

Written from the recipe in the plainest way: label maps of int64, the default memory format, hard examples mined image
by image with values read back to the host, kernels one after another, every logged number read in every step.

`python -m benchmarks.compare_steps` runs it in turns with the suite's step, on the GPU where there is one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOGGED = ("loss_text", "loss_kernels", "iou_text", "iou_kernel")


def plain_losses(logits: Tensor, text: Tensor, kernels: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Logits (N, 7, H, W) and int64 maps (N, H, W), (N, 6, H, W), (N, H, W) -> losses and scores, (N,) each."""
    selected = torch.stack([_hard_examples(*image) for image in zip(logits[:, 0], text, mask, strict=True)])
    inside = text * mask
    kernel_losses = [_dice(logits[:, 1 + k], kernels[:, k], inside) for k in range(kernels.shape[1])]
    return {
        "loss_text": 0.7 * _dice(logits[:, 0], text, selected),
        "loss_kernels": 0.3 * torch.stack(kernel_losses).mean(0),
        "iou_text": _iou(logits[:, 0] > 0, text, mask),
        "iou_kernel": _iou(logits[:, -1] > 0, kernels[:, -1], inside),
    }


def _hard_examples(scores: Tensor, text: Tensor, mask: Tensor) -> Tensor:
    """Of one image, (H, W) each."""
    positives = int(((text > 0.5) & (mask > 0.5)).sum())
    wanted = min(3 * positives, int((text <= 0.5).sum()))
    if wanted == 0:
        return mask.float()
    others = torch.sort(scores[text <= 0.5], descending=True).values
    threshold = others[wanted - 1].item()
    return (((scores >= threshold) | (text > 0.5)) & (mask > 0.5)).float()


def _dice(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    n = len(logits)
    probability = torch.sigmoid(logits).reshape(n, -1)
    target, mask = target.reshape(n, -1).float(), mask.reshape(n, -1).float()
    probability, target = probability * mask, target * mask
    overlap = (probability * target).sum(1)
    return 1 - 2 * overlap / ((probability * probability).sum(1) + 0.001 + (target * target).sum(1) + 0.001)


def _iou(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    means = []
    for prediction, truth, counted in zip(predicted, target, mask, strict=True):
        prediction, truth = prediction[counted == 1].long(), truth[counted == 1]
        classes = []
        for label in (0, 1):
            both = ((prediction == label) & (truth == label)).sum().item()
            either = ((prediction == label) | (truth == label)).sum().item()
            classes.append(both / (either + 1e-6))
        means.append(sum(classes) / 2)
    return torch.tensor(means)


class PlainStep:
    """A model and its optimiser, trained on batches of normalised images (N, 3, H, W) and int64 maps."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.99, weight_decay=5e-4)

    def __call__(self, images: Tensor, text: Tensor, kernels: Tensor, mask: Tensor) -> dict[str, float]:
        images, text, kernels, mask = (each.to(self.device) for each in (images, text, kernels, mask))
        logits = F.interpolate(self.model(images), size=images.shape[2:], mode="bilinear", align_corners=False)
        losses = plain_losses(logits, text, kernels, mask)
        loss = losses["loss_text"].mean() + losses["loss_kernels"].mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()} | {name: losses[name].mean().item() for name in LOGGED}
