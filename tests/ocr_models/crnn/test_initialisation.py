"""How the weights of the network are drawn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ocr_models.crnn import CRNN


@pytest.fixture(scope="module", params=["resnet", "vgg"])
def drawn(request: pytest.FixtureRequest) -> CRNN:
    torch.manual_seed(0)
    return CRNN(request.param, width=128, hidden=64)


def test_weights_are_normal_by_their_inputs(drawn: CRNN) -> None:
    """Those of convolutions, LSTMs and linear layers."""
    weights = [each for each in drawn.parameters() if each.ndim > 1]
    assert len(weights) == sum(each.ndim > 1 for each in drawn.state_dict().values())
    for each in weights:
        assert_normal(each, math.sqrt(2 / each[0].numel()))


def test_biases_are_zero_and_norms_are_the_identity(drawn: CRNN) -> None:
    vectors = {name: each for name, each in drawn.named_parameters() if each.ndim == 1}
    norms = {f"{name}.weight" for name, module in drawn.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert norms < vectors.keys()
    for name, each in vectors.items():
        assert (each == (1 if name in norms else 0)).all(), name


def assert_normal(weight: Tensor, std: float) -> None:
    """The values of a weight have a mean of 0 and this standard deviation, and 68 % of them are within it."""
    values = weight.detach().double() / std
    error = 1 / math.sqrt(values.numel())
    assert abs(values.mean()) < 5 * error
    assert abs(values.std() - 1) < 5 * error / math.sqrt(2)
    assert abs(values.abs().lt(1).double().mean() - 0.6827) < 5 * 0.5 * error
