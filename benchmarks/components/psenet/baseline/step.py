"""PSENet's training step, as a first version would be written: the baseline for the suite's own step.

Label maps are int64 and the memory format is the default. Hard examples are selected image by image with values read
back to the host, kernels are processed one after another, and every logged number is read in every step.

`python -m benchmarks.components.compare_steps` times it in turns with the suite's step, on the GPU if there is one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOGGED = ("loss_text", "loss_kernels", "iou_text", "iou_kernel")


def baseline_losses(logits: Tensor, text: Tensor, kernels: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Logits (N, 7, H, W) and int64 maps (N, H, W), (N, 6, H, W), (N, H, W) -> name -> losses or scores, (N,)."""
    images = zip(logits[:, 0], text, mask, strict=True)
    selected = torch.stack([_hard_examples(*image) for image in images])  # (N, H, W)
    inside = text * mask  # (N, H, W)
    kernel_losses = [_dice(logits[:, 1 + k], kernels[:, k], inside) for k in range(kernels.shape[1])]
    return {
        "loss_text": 0.7 * _dice(logits[:, 0], text, selected),
        "loss_kernels": 0.3 * torch.stack(kernel_losses).mean(0),
        "iou_text": _iou(logits[:, 0] > 0, text, mask),
        "iou_kernel": _iou(logits[:, -1] > 0, kernels[:, -1], inside),
    }


def _hard_examples(scores: Tensor, text: Tensor, mask: Tensor) -> Tensor:
    """The pixels of one image that its text loss counts: (H, W) each -> (H, W), 0 or 1."""
    positives = int(((text > 0.5) & (mask > 0.5)).sum())
    wanted = min(3 * positives, int((text <= 0.5).sum()))
    if wanted == 0:
        return mask.float()
    others = torch.sort(scores[text <= 0.5], descending=True).values
    threshold = others[wanted - 1].item()
    return (((scores >= threshold) | (text > 0.5)) & (mask > 0.5)).float()


def _dice(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    n = len(logits)
    probability = torch.sigmoid(logits).reshape(n, -1)  # (N, H*W)
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


class BaselineStep:
    """A model and its optimiser, trained on batches of normalised images (N, 3, H, W) and int64 label maps."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.99, weight_decay=5e-4)

    def __call__(self, images: Tensor, text: Tensor, kernels: Tensor, mask: Tensor) -> dict[str, float]:
        """One step -> `loss` and what is logged, as numbers: each waits for the device."""
        images, text, kernels, mask = (each.to(self.device) for each in (images, text, kernels, mask))
        maps = self.model(images)  # (N, 7, H/4, W/4)
        logits = F.interpolate(maps, size=images.shape[2:], mode="bilinear", align_corners=False)  # (N, 7, H, W)
        losses = baseline_losses(logits, text, kernels, mask)
        loss = losses["loss_text"].mean() + losses["loss_kernels"].mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()} | {name: losses[name].mean().item() for name in LOGGED}
