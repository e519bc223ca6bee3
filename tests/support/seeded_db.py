"""DB networks with the seeded weights of the folder of expected numbers."""

from __future__ import annotations

import json

from torch import Tensor

from ocr_models.db import DBNet, load_reference_state_dict
from parity import DB_FOLDER
from seeded import seeded_entry


def reference_keys(backbone: str) -> list[tuple[str, list[int]]]:
    """Names and shapes of the reference's state dict, in its order."""
    entries = json.loads((DB_FOLDER / "state_dict_keys.json").read_text())[backbone]
    return [(key, shape) for key, shape in entries]


def seeded_state_dict(backbone: str, seed: int) -> dict[str, Tensor]:
    keys = reference_keys(backbone)
    return {key: _entry(key, shape, seed + i) for i, (key, shape) in enumerate(keys)}


def seeded_model(backbone: str, seed: int) -> DBNet:
    model = DBNet(backbone)
    load_reference_state_dict(model, seeded_state_dict(backbone, seed))
    return model


def _entry(key: str, shape: list[int], seed: int) -> Tensor:
    """A transposed convolution, recognised by its 2x2 kernel, has its inputs in the first dimension."""
    if shape[2:] == [2, 2]:
        return seeded_entry(key, [shape[1], shape[0], 2, 2], seed).reshape(shape)
    return seeded_entry(key, shape, seed)
