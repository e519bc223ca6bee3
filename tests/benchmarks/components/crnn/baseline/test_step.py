"""The baseline computes what the suite's network computes: otherwise a comparison means nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.components.crnn.baseline.step import BaselineCRNN, BaselineStep, baseline_loss, example_batch
from ocr_models.crnn import CRNN


def trained(model: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """Logits and the gradients of all parameters, of one batch in float64."""
    images, labels, lengths = example_batch(3)
    logits = model.double()(images.double())
    baseline_loss(logits, labels, lengths).backward()
    return logits.detach(), [each.grad for each in model.parameters() if each.grad is not None]


@pytest.mark.parametrize("backbone", ["resnet", "vgg"])
def test_logits_gradients_and_state_are_those_of_the_suites_network(backbone: str) -> None:
    torch.manual_seed(0)
    own, baseline = CRNN(backbone, width=32, hidden=8), BaselineCRNN(backbone, width=32, hidden=8)
    baseline.load_state_dict(own.state_dict())
    own_logits, own_gradients = trained(own.to(memory_format=torch.channels_last))
    logits, gradients = trained(baseline)
    torch.testing.assert_close(logits, own_logits)
    named = [dict(zip(dict(own.named_parameters()), own_gradients, strict=True))]
    named.append(dict(zip(dict(baseline.named_parameters()), gradients, strict=True)))
    scale = max(float(each.abs().max()) for each in own_gradients)
    torch.testing.assert_close(named[1], named[0], rtol=1e-6, atol=1e-9 * scale)
    torch.testing.assert_close(baseline.state_dict(), own.state_dict())


def test_the_baseline_step_trains() -> None:
    torch.manual_seed(0)
    step = BaselineStep(BaselineCRNN("vgg", width=32, hidden=8), torch.device("cpu"))
    losses = [step(*example_batch(4)) for _ in range(8)]
    assert losses[-1] < losses[0]
