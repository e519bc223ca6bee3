"""The loss of PSENet, pixel by pixel in plain Python, and label maps to try it on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

NAMES = ("loss_text", "loss_kernels", "iou_text", "iou_kernel")
Pixel = tuple[int, int]


@dataclass(frozen=True)
class Maps:
    """Logits (N, 7, H, W) float64 with values of float32, and maps of 0 and 1."""

    logits: np.ndarray
    text: np.ndarray
    kernels: np.ndarray
    trained: np.ndarray

    def tensors(self, target_type: torch.dtype = torch.uint8) -> tuple[Tensor, ...]:
        """Copies."""
        targets = (torch.tensor(maps).to(target_type) for maps in (self.text, self.kernels, self.trained))
        return torch.tensor(self.logits), *targets


# the recipe, one image, in plain Python


def pixels(shape: tuple[int, ...]) -> list[Pixel]:
    return [(y, x) for y in range(shape[0]) for x in range(shape[1])]


def plain_hard_example_mask(scores: np.ndarray, text: np.ndarray, trained: np.ndarray) -> np.ndarray:
    positives = [at for at in pixels(text.shape) if text[at] > 0.5 and trained[at] > 0.5]
    others = [at for at in pixels(text.shape) if not text[at] > 0.5]
    n = min(3 * len(positives), len(others))
    if not positives or n == 0:
        return trained > 0.5
    threshold = sorted((scores[at] for at in others), reverse=True)[n - 1]
    mask = np.zeros(text.shape, bool)
    for at in pixels(text.shape):
        mask[at] = (scores[at] >= threshold or text[at] > 0.5) and trained[at] > 0.5
    return mask


def plain_dice(logits: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    overlap = power = area = 0.0
    for at in pixels(target.shape):
        p, t, m = 1 / (1 + math.exp(-logits[at])), float(target[at]), float(mask[at])
        overlap += p * t * m
        power += (p * m) ** 2
        area += (t * m) ** 2
    return 1 - 2 * overlap / (power + 0.001 + area + 0.001)


def plain_iou(logits: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    scores = []
    for kind in (False, True):
        predicted = {at for at in pixels(target.shape) if mask[at] and (logits[at] > 0) == kind}
        true = {at for at in pixels(target.shape) if mask[at] and (target[at] > 0.5) == kind}
        scores.append(len(predicted & true) / (len(predicted | true) + 1e-6))
    return sum(scores) / 2


def plain_loss(maps: Maps, image: int) -> dict[str, float]:
    logits, text, kernels, trained = (part[image] for part in (maps.logits, maps.text, maps.kernels, maps.trained))
    hard = plain_hard_example_mask(logits[0], text, trained)
    inside = text * trained
    return {
        "loss_text": 0.7 * plain_dice(logits[0], text, hard),
        "loss_kernels": 0.3 * sum(plain_dice(logits[1 + k], kernels[k], inside) for k in range(6)) / 6,
        "iou_text": plain_iou(logits[0], text, trained),
        "iou_kernel": plain_iou(logits[6], kernels[5], inside),
    }


# maps


def random_maps(
    seed: int, *, text: float | None = None, trained: float | None = None, decimals: int | None = None
) -> Maps:
    """A share `text` of the pixels is text, and a share `trained` is trained on."""
    rng = np.random.default_rng(seed)
    shape = (2, 6, 8)
    text_share = rng.choice([0.05, 0.15, 0.6]) if text is None else text
    trained_share = rng.choice([0.4, 0.8, 1.0]) if trained is None else trained
    logits = rng.normal(0, 2, (2, 7, 6, 8)).astype(np.float32).astype(np.float64)
    if decimals is not None:
        logits = np.round(logits, decimals)
    text_map = (rng.random(shape) < text_share).astype(np.uint8)
    kernels = (rng.random((2, 6, 6, 8)) < 0.7).astype(np.uint8) * text_map[:, None]
    kernels[0, 2] |= (rng.random((6, 8)) < 0.2).astype(np.uint8)  # outside the text it plays no part
    return Maps(logits, text_map, kernels, (rng.random(shape) < trained_share).astype(np.uint8))


CASES = {
    **{f"random{seed}": random_maps(seed) for seed in range(8)},
    **{f"ties{seed}": random_maps(seed, text=0.1, decimals=0) for seed in range(4)},
    "no-text": random_maps(20, text=0),
    "text-everywhere": random_maps(21, text=1.1),
    "text-everywhere-partly-masked": random_maps(22, text=1.1, trained=0.5),
    "all-masked-out": random_maps(23, trained=0),
    "no-text-and-all-masked-out": random_maps(24, text=0, trained=0),
    "fewer-others-than-wanted": random_maps(25, text=0.8, trained=1.1),
    "all-trained": random_maps(26, text=0.1, trained=1.1),
    "mostly-masked": random_maps(27, text=0.2, trained=0.2),
}
