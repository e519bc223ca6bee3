"""The network against numbers of the implementation that the recipe follows."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor

import seeded_db
from ocr_models.db import DBNet
from parity import DB_FOLDER, Arrays, arrays, needs_db_numbers

pytestmark = needs_db_numbers

BACKBONES = ["resnet18", "resnet50"]
PASSES = 20  # in training mode, before the numbers of evaluation
FORMATS = [torch.contiguous_format, torch.channels_last]
# Of P and T, then of B: how much float32 may differ from the expected numbers.
ROUNDING = {"resnet18": (5e-5, 3e-4), "resnet50": (6e-4, 0.0)}


@functools.cache
def expected(backbone: str) -> Arrays:
    """Names without the backbone: seed, input_shape, train, eval."""
    stored = arrays(DB_FOLDER / "forward.npz")
    return {key.partition(".")[2]: value for key, value in stored.items() if key.startswith(backbone)}


@functools.cache
def computed(backbone: str, dtype: torch.dtype, memory_format: torch.memory_format) -> tuple[Tensor, Tensor, Tensor]:
    """Maps of the first pass in training; maps, and probability alone, of evaluation after 20 passes."""
    given = expected(backbone)
    seed = int(given["seed"])
    model = seeded_db.seeded_model(backbone, seed).to(dtype).to(memory_format=memory_format)
    images = seeded_db.images(given["input_shape"].tolist(), seed).to(dtype).to(memory_format=memory_format)
    with torch.no_grad():
        trained = [model(images) for _ in range(PASSES)]
        model.eval()
        return trained[0], model(images), model.probability(images)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_state_dict_is_the_references_in_its_order(backbone: str) -> None:
    with torch.device("meta"):
        found = [(key, list(value.shape)) for key, value in DBNet(backbone).state_dict().items()]
    assert found == seeded_db.reference_keys(backbone)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_forward(backbone: str, dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    train, evaluation, probability = computed(backbone, dtype, memory_format)
    given = expected(backbone)
    maps, binary = ROUNDING[backbone] if dtype == torch.float32 else (1e-6, 1e-6)
    np.testing.assert_allclose(train[:, :2], given["train"][:, :2], atol=maps, rtol=0)
    np.testing.assert_allclose(evaluation, given["eval"], atol=maps, rtol=0)
    np.testing.assert_allclose(probability, given["eval"][:, :1], atol=maps, rtol=0)
    if given["train"].shape[1] == 3:
        np.testing.assert_allclose(train[:, 2], given["train"][:, 2], atol=binary, rtol=0)
