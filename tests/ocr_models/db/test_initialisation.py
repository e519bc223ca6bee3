"""How the weights of the network are drawn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ocr_models.db import DBNet


@pytest.fixture(scope="module")
def drawn() -> DBNet:
    torch.manual_seed(0)
    return DBNet("resnet50")


def assert_normal(weight: Tensor, std: float) -> None:
    """The values of a weight have a mean of 0 and this standard deviation, and 68 % of them are within it."""
    values = weight.detach().double() / std
    error = 1 / math.sqrt(values.numel())
    assert abs(values.mean()) < 5 * error
    assert abs(values.std() - 1) < 5 * error / math.sqrt(2)
    assert abs(values.abs().lt(1).double().mean() - 0.6827) < 5 * 0.5 * error


def test_weights_of_the_backbone_are_normal_by_their_output_connections(drawn: DBNet) -> None:
    convolutions = [each for each in drawn.backbone.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 53
    for each in convolutions:
        kh, kw = each.kernel_size
        assert_normal(each.weight, math.sqrt(2 / (kh * kw * each.out_channels)))


def test_weights_of_the_neck_are_uniform_as_torch_draws_them(drawn: DBNet) -> None:
    convolutions = [each for each in drawn.neck.modules() if isinstance(each, nn.Conv2d)]
    assert len(convolutions) == 8
    for each in convolutions:
        bound = 1 / math.sqrt(each.weight[0].numel())
        assert 0.98 * bound < each.weight.abs().max() <= bound
        assert abs(each.weight.std() / bound - 1 / math.sqrt(3)) < 0.02
        assert each.bias is not None
        assert 0.5 * bound < each.bias.abs().max() <= bound


def test_weights_of_the_heads_are_normal_by_the_inputs_as_torch_counts_them(drawn: DBNet) -> None:
    for head in (drawn.head.binarize, drawn.head.thresh):
        weights = head.state_dict()
        assert_normal(weights["0.weight"], math.sqrt(2 / (256 * 9)))
        assert_normal(weights["3.weight"], math.sqrt(2 / (64 * 4)))
        assert_normal(weights["6.weight"], math.sqrt(2 / (1 * 4)))


def test_biases_of_the_heads_are_uniform_as_torch_draws_them(drawn: DBNet) -> None:
    layers = [each for each in drawn.head.modules() if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)]
    biased = [(each, each.bias) for each in layers if each.bias is not None]
    assert len(biased) == 5
    for each, bias in biased:
        largest = float(bias.detach().abs().max()) * math.sqrt(each.weight[0].numel())
        assert 0 < largest <= 1
        assert largest > 0.9 or len(bias) == 1


def test_batch_norms_start_as_the_identity_but_for_the_shift_of_the_heads(drawn: DBNet) -> None:
    norms = {name: module for name, module in drawn.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert len(norms) == 53 + 8 + 4
    for name, norm in norms.items():
        assert (norm.weight == 1).all()
        assert (norm.bias == (1e-4 if name.startswith("head.") else 0)).all()
