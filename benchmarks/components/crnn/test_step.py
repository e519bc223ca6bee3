"""CRNN's training step on the CPU, compared with its baseline and with a large matrix product."""

from __future__ import annotations

import pytest

from benchmarks.components.ratios import Ratio, ratio_of_medians, timed_in_turns
from benchmarks.components.reporting import RatioReport, component

pytestmark = component("CRNN step")

BATCH_SIZE = 64
MATRIX_SIZE = 4096
MATRIX_PRODUCTS = {"resnet": 13.6, "vgg": 2.24}
"""The step on each backbone may take the time of so many products of this size."""

ROUNDS = {"resnet": 2, "vgg": 6}


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("backbone", MATRIX_PRODUCTS)
def test_step(backbone: str, ratio_report: RatioReport) -> None:
    """Forward, loss, backward, clipping and optimizer on images (64, 1, 32, 100), in one thread.

    Nine tenths of the step are the convolutions, which take more than a matrix product of as many operations in neither
    of the two memory formats: that bounds what can be gained on the baseline.
    """
    import torch
    from torch import nn

    from benchmarks.components.crnn.baseline.step import BaselineCRNN, BaselineStep, baseline_loss, example_batch
    from ocr_models.crnn import CRNN, ctc_loss
    from ocr_models.optimizers import Adadelta

    torch.manual_seed(0)
    model = CRNN(backbone).to(memory_format=torch.channels_last)
    baseline = BaselineStep(BaselineCRNN(backbone), torch.device("cpu"))
    baseline.model.load_state_dict(model.state_dict())
    optimizer = Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-8)
    images, labels, lengths = example_batch(BATCH_SIZE)

    def step() -> float:
        loss, _ = ctc_loss(model(images), labels, lengths)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        return loss.item()

    with torch.no_grad():
        found, _ = ctc_loss(model(images), labels, lengths)
        expected = baseline_loss(baseline.model(images), labels, lengths)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)
    factor = torch.randn(MATRIX_SIZE, MATRIX_SIZE)
    own, plain, product = timed_in_turns(
        step,
        lambda: baseline(images, labels, lengths),
        lambda: torch.mm(factor, factor),
        rounds=ROUNDS[backbone],
    )
    name = f"time of the step on {backbone}"
    target = MATRIX_PRODUCTS[backbone]
    ratio_report.ratios.append(Ratio(f"{name} / matmul", ratio_of_medians(own, product), target, "at most"))
    ratio_report.add(Ratio(f"{name} / baseline", ratio_of_medians(own, plain), 0.95, "at most"), own)
