"""CRNN networks with the seeded weights of the folder of expected numbers, and its inputs."""

from __future__ import annotations

import json

import torch
from torch import Tensor

from ocr_models.crnn import CRNN, load_reference_state_dict
from parity import CRNN_FOLDER
from seeded_psenet import seeded_entry, seeded_input


def reference_keys(backbone: str) -> list[tuple[str, list[int]]]:
    """Names and shapes of the reference's state dict, in its order, of a network for grey images with 37 classes."""
    entries = json.loads((CRNN_FOLDER / f"state_dict_keys_{backbone}.json").read_text())
    return [(key, shape) for key, shape in entries]


def seeded_model(backbone: str, seed: int, classes: int = 37, channels: int = 1) -> CRNN:
    with torch.device("meta"):
        model = CRNN(backbone, classes, channels)
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    keys = [key for key, _ in reference_keys(backbone)]
    model.to_empty(device="cpu")
    load_reference_state_dict(model, {key: _entry(key, shapes[key], seed + i) for i, key in enumerate(keys)})
    return model


def images(shape: list[int], seed: int) -> Tensor:
    """Of a forward pass."""
    return seeded_input(shape, seed + 99991)


def training_images(count: int, seed: int, step: int) -> Tensor:
    return seeded_input([count, 1, 32, 100], seed + 7000 + step)


def _entry(key: str, shape: list[int], seed: int) -> Tensor:
    """A matrix, of an LSTM or of a linear layer, is drawn by its inputs."""
    if len(shape) == 2:
        scale: float = (1 / shape[1]) ** 0.5
        return seeded_input(shape, seed) * scale
    return seeded_entry(key, shape, seed)
