"""CRNN's training step on the CPU, compared with its baseline."""

from __future__ import annotations

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("CRNN step")

BATCH_SIZE = 32


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize(("backbone", "target"), [("resnet", 0.95), ("vgg", 0.95)])
def test_step(backbone: str, target: float, ratio_report: RatioReport) -> None:
    """Forward, loss, backward, clipping and optimizer on images (32, 1, 32, 100), in one thread.

    Both losses are torch's: test_loss.py measures the suite's own. Nine tenths of the step are the convolutions, which
    take more than a matrix product of as many operations in neither of the two memory formats.
    """
    import torch
    from torch import nn

    from benchmarks.components.crnn.baseline.step import BaselineCRNN, BaselineStep, baseline_loss, example_batch
    from ocr_models.crnn import CRNN
    from ocr_models.optimizers import Adadelta

    torch.manual_seed(0)
    model = CRNN(backbone).to(memory_format=torch.channels_last)
    baseline = BaselineStep(BaselineCRNN(backbone), torch.device("cpu"))
    baseline.model.load_state_dict(model.state_dict())
    optimizer = Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-8)
    images, labels, lengths = example_batch(BATCH_SIZE)

    def step() -> float:
        loss = baseline_loss(model(images), labels, lengths)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        return loss.item()

    assert step() == pytest.approx(baseline(images, labels, lengths), rel=1e-3)
    ratio_report.compare(
        f"time of the step / baseline, {backbone}",
        step,
        lambda: baseline(images, labels, lengths),
        "at most",
        target,
        rounds=3,
    )
