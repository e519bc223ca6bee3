"""PARSeq networks with the seeded weights of the folder of expected numbers, and its inputs."""

from __future__ import annotations

import json

import torch
from torch import Tensor

from ocr_models.parseq import PARSeq, load_reference_state_dict
from parity import PARSEQ_FOLDER
from seeded_psenet import seeded_input

NAMES = {"parseq": "parseq", "parseqtiny": "parseq-tiny"}
"""Size of the network -> its name in the folder."""


def reference_keys(size: str) -> list[tuple[str, list[int]]]:
    """Names and shapes of the reference's state dict, in its order."""
    entries = json.loads((PARSEQ_FOLDER / f"state_dict_keys_{NAMES[size]}.json").read_text())
    return [(key, shape) for key, shape in entries]


def seeded_model(size: str, seed: int) -> PARSeq:
    """Without dropout."""
    model = PARSeq(size, dropout=0)
    entries = {key: _entry(key, shape, seed + i) for i, (key, shape) in enumerate(reference_keys(size))}
    load_reference_state_dict(model, entries)
    return model


def images(shape: list[int], seed: int) -> Tensor:
    """Of a forward pass."""
    return seeded_input(shape, seed + 99991)


def training_images(shape: list[int], seed: int, step: int) -> Tensor:
    return seeded_input(shape, seed + 7000 + step)


def _entry(key: str, shape: list[int], seed: int) -> Tensor:
    r = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    if "weight" not in key.rpartition(".")[2]:
        return 0.1 * r
    if r.ndim == 1:
        return 1 + 0.1 * r
    scale: float = ((2 if r.ndim == 4 else 1) / r[0].numel()) ** 0.5
    return r * scale
