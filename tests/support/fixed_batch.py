"""A batch that is always the same, as the loader would give it: noise, and one bright text with its label maps."""

from __future__ import annotations

import numpy as np
import torch

from ocr_models.psenet.targets import draw_targets
from ocr_models.task import Batch
from packing import pack_targets

SIZE = 64


def label_maps(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of image `index`: text, kernels, training mask, with one text to train on and one to ignore."""
    text = np.array([(8, 10 + 6 * index), (56, 12 + 4 * index), (54, 40), (10, 38)])
    ignored = np.array([(2, 50), (20 + 10 * index, 50), (20 + 10 * index, 60), (2, 60)])
    return draw_targets([text, ignored], np.array([False, True]), (SIZE, SIZE))


def fixed_batch(samples: int) -> Batch:
    """images (N, S, S, 3) uint8, packed maps (N, S, S) uint8, jitter (N, 3)."""
    rng = np.random.default_rng(0)
    images, packed, jitter = [], [], []
    for index in range(samples):
        maps = label_maps(index)
        noise = rng.integers(0, 120, (SIZE, SIZE, 3), np.uint8)
        images.append(noise + 100 * maps[0][..., np.newaxis])
        packed.append(pack_targets(*maps))
        jitter.append((1.05 - 0.1 * index, 0.8 + 0.5 * index, float(index % 2)))
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(packed)), torch.tensor(jitter)
