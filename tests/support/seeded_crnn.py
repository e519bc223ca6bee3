"""CRNN networks with the seeded weights of the folder of expected numbers."""

from __future__ import annotations

import json

import torch

from ocr_models.crnn import CRNN, load_reference_state_dict
from parity import CRNN_FOLDER
from seeded import seeded_entry


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
    load_reference_state_dict(model, {key: seeded_entry(key, shapes[key], seed + i) for i, key in enumerate(keys)})
    return model
