"""Weights in the reference's format: loaded whole or refused. How they may misfit: psenet/test_official_weights.py."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ocr_models.crnn import CRNN, load_reference_state_dict


def network(seed: int, backbone: str = "vgg") -> CRNN:
    torch.manual_seed(seed)
    return CRNN(backbone, width=16, hidden=4)


def assert_has(model: nn.Module, weights: dict[str, Tensor]) -> None:
    found = model.state_dict()
    assert found.keys() == weights.keys()
    assert all(torch.equal(value, weights[key]) for key, value in found.items())


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_load_however_they_are_wrapped(prefix: str, wrapped: bool) -> None:
    model, weights = network(1), network(2).state_dict()
    entries: dict[str, Any] = {prefix + key: value for key, value in weights.items()}
    load_reference_state_dict(model, {"state_dict": entries} if wrapped else entries)
    assert_has(model, weights)


def test_weights_of_another_backbone_do_not_fit_and_the_model_is_unchanged() -> None:
    model = network(1)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=r"missing: FeatureExtraction\.ConvNet\.0\.weight.*unexpected: "):
        load_reference_state_dict(model, network(2, "resnet").state_dict())
    assert_has(model, before)
