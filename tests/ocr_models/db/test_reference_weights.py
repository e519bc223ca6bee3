"""Weights in the reference's format: loaded whole or refused. How they may misfit: psenet/test_official_weights.py."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ocr_models.db import DBNet, load_reference_state_dict


@pytest.fixture
def model() -> DBNet:
    torch.manual_seed(1)
    return DBNet("resnet18")


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """They differ from those of the model."""
    torch.manual_seed(2)
    return DBNet("resnet18").state_dict()


def assert_has(model: nn.Module, weights: dict[str, Tensor]) -> None:
    found = model.state_dict()
    assert found.keys() == weights.keys()
    assert all(torch.equal(value, weights[key]) for key, value in found.items())


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_load_however_they_are_wrapped(
    model: DBNet, weights: dict[str, Tensor], prefix: str, wrapped: bool
) -> None:
    entries: dict[str, Any] = {prefix + key: value for key, value in weights.items()}
    load_reference_state_dict(model, {"state_dict": entries, "epoch": 1200} if wrapped else entries)
    assert_has(model, weights)


def test_weights_of_another_backbone_do_not_fit_and_the_model_is_unchanged(model: DBNet) -> None:
    before, other = copy.deepcopy(model.state_dict()), DBNet("resnet50").state_dict()
    with pytest.raises(ValueError, match=r"unexpected: .*layer1\.0\.conv3\.weight.* and \d+ more"):
        load_reference_state_dict(model, other)
    assert_has(model, before)
