"""Weights in the reference's format: loaded whole or refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ocr_models.db import DBNet, load_reference_state_dict


@pytest.fixture(scope="module")
def original() -> DBNet:
    torch.manual_seed(1)
    return DBNet("resnet18")


@pytest.fixture
def model(original: DBNet) -> DBNet:
    return copy.deepcopy(original)


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


def test_one_line_names_every_misfit_and_the_model_is_unchanged(
    original: DBNet, model: DBNet, weights: dict[str, Tensor]
) -> None:
    entries: dict[str, Any] = dict(weights)
    del entries["backbone.conv1.weight"], entries["neck.smooth_p4.bn.running_var"]
    entries["surplus.weight"] = torch.zeros(1)
    entries["head.binarize.3.weight"] = torch.zeros(64, 1, 2, 2)
    with pytest.raises(ValueError, match="the weights do not fit the model") as error:
        load_reference_state_dict(model, entries)
    missing, unexpected, misshapen = str(error.value).split("; ")
    assert missing.endswith("missing: backbone.conv1.weight, neck.smooth_p4.bn.running_var")
    assert unexpected == "unexpected: surplus.weight"
    assert misshapen == "of another shape: head.binarize.3.weight (64, 1, 2, 2) instead of (64, 64, 2, 2)"
    assert_has(model, original.state_dict())


def test_weights_of_another_backbone_do_not_fit(model: DBNet) -> None:
    other = DBNet("resnet50").state_dict()
    with pytest.raises(ValueError, match=r"unexpected: .*layer1\.0\.conv3\.weight.* and \d+ more"):
        load_reference_state_dict(model, other)
