"""The network against numbers of the implementation that the recipe follows."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor

import seeded
import seeded_db
from ocr_models.db import DBLoss, DBNet
from parity import DB_FOLDER, Arrays, arrays, needs_db_numbers, unpacked

pytestmark = needs_db_numbers

BACKBONES = ["resnet18", "resnet50"]
PASSES = 20  # in training mode, of the same images, before the numbers of evaluation
IN_TURN = [(torch.float64, torch.channels_last), (torch.float32, torch.contiguous_format)]
# Of P and T, then of B: how much float32 may differ from the expected numbers.
ROUNDING = {"resnet18": (5e-5, 3e-4), "resnet50": (6e-4, 0.0)}


@functools.cache
def expected(backbone: str) -> Arrays:
    """Names without the backbone: seed, input_shape, train, eval."""
    stored = arrays(DB_FOLDER / "forward.npz")
    return {key.partition(".")[2]: value for key, value in stored.items() if key.startswith(backbone)}


@functools.cache
def computed(backbone: str, dtype: torch.dtype, memory_format: torch.memory_format) -> tuple[Tensor, Tensor, Tensor]:
    """Maps of the first pass in training; maps, and probability alone, of evaluation after all passes.

    All passes have the same statistics, so one with the momentum of all of them has their effect.
    """
    given = expected(backbone)
    seed = int(given["seed"])
    model = seeded_db.seeded_model(backbone, seed).to(dtype).to(memory_format=memory_format)
    images = seeded.images(given["input_shape"].tolist(), seed).to(dtype).to(memory_format=memory_format)
    for norm in model.batch_norms:
        norm.momentum = 1 - (1 - 0.1) ** PASSES
    with torch.no_grad():
        trained = model(images)
        model.eval()
        return trained, model(images), model.probability(images)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_state_dict_is_the_references_in_its_order(backbone: str) -> None:
    with torch.device("meta"):
        found = [(key, list(value.shape)) for key, value in DBNet(backbone).state_dict().items()]
    assert found == seeded_db.reference_keys(backbone)


@pytest.mark.parametrize(("dtype", "memory_format"), IN_TURN)
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


def made_optimizer(name: str, model: DBNet) -> torch.optim.Optimizer:
    if name == "adam":
        return torch.optim.Adam(model.parameters(), amsgrad=True, fused=True)
    return torch.optim.SGD(model.parameters(), momentum=0.9, weight_decay=1e-4)


@pytest.mark.parametrize("name", ["adam", pytest.param("sgd", marks=pytest.mark.exhaustive)])
def test_steps_of_training(name: str) -> None:
    """In float64: losses, and the norm of the gradient before each step."""
    given = arrays(DB_FOLDER / "trajectory.npz")
    seed, shape = int(given["seed"]), given["image_shape"].tolist()
    model = seeded_db.seeded_model("resnet18", seed).double()
    optimizer = made_optimizer(name, model)
    found = []
    for step, rate in enumerate(given[f"{name}.lr"].tolist()):
        optimizer.param_groups[0]["lr"] = rate
        losses = DBLoss()(model(seeded.training_images(shape, seed, step).double()), *targets(given, step))
        optimizer.zero_grad()
        losses["loss"].backward()
        norm = torch.nn.utils.get_total_norm([each.grad for each in model.parameters() if each.grad is not None])
        found.append([*(value.item() for value in losses.values()), norm.item()])
        optimizer.step()
    np.testing.assert_allclose(found, given[f"{name}.losses"], rtol=1e-8)


def targets(given: Arrays, step: int) -> list[Tensor]:
    """Shrink map, shrink mask, threshold map and threshold mask of a step, (N, H, W) each."""
    threshold_map = given[f"{step}.threshold_map"]
    shrink_map, shrink_mask, threshold_mask = (
        unpacked(given[f"{step}.{name}"], threshold_map.shape[-1])
        for name in ("shrink_map", "shrink_mask", "threshold_mask")
    )
    return [torch.from_numpy(each) for each in (shrink_map, shrink_mask, threshold_map, threshold_mask)]
