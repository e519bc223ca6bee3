"""The baseline computes what the suite's network computes: otherwise a comparison means nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.components.db.baseline.loss import baseline_losses
from benchmarks.components.db.baseline.step import BaselineDBNet, BaselineStep, example_batch
from ocr_models.db import DBNet


def trained(model: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """Maps and the gradients of all parameters, of one batch in float64."""
    images, *targets = (each.double() for each in example_batch(2, 64))
    maps = model.double()(images)
    baseline_losses(maps, *targets)["loss"].backward()
    return maps.detach(), [each.grad for each in model.parameters() if each.grad is not None]


@pytest.mark.parametrize("backbone", ["resnet18", pytest.param("resnet50", marks=pytest.mark.exhaustive)])
def test_maps_gradients_and_state_are_those_of_the_suites_network(backbone: str) -> None:
    torch.manual_seed(0)
    own, baseline = DBNet(backbone), BaselineDBNet(backbone)
    baseline.load_state_dict(own.state_dict())
    own_maps, own_gradients = trained(own)
    maps, gradients = trained(baseline)
    torch.testing.assert_close(maps, own_maps)
    assert len(gradients) == len(list(own.parameters()))
    scale = max(float(each.abs().max()) for each in own_gradients)
    torch.testing.assert_close(gradients, own_gradients, rtol=1e-6, atol=1e-9 * scale)
    torch.testing.assert_close(baseline.state_dict(), own.state_dict())


def test_the_baseline_step_trains() -> None:
    torch.manual_seed(0)
    step = BaselineStep(BaselineDBNet("resnet18"), torch.device("cpu"))
    losses = [step(*example_batch(2, 64))["loss"] for _ in range(8)]
    assert losses[-1] < losses[0]
