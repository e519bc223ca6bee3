"""CTC and its gradient, compared with torch's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("CRNN CTC")

TIME_STEPS, CLASSES, LABEL_WIDTH = 26, 37, 25


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("longest", [12, 25])
@pytest.mark.parametrize("batch", [64, 256])
def test_ctc(batch: int, longest: int, threads: int, ratio_report: RatioReport) -> None:
    """Log-softmax, loss and backward of logits (N, 26, 37) with labels (N, 25) of 2 to `longest` characters."""
    import torch
    import torch.nn.functional as F

    from ocr_models.crnn import ctc_loss

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch, TIME_STEPS, CLASSES, generator=generator).requires_grad_()
    lengths = torch.randint(2, longest + 1, (batch,), generator=generator)
    labels = torch.randint(1, CLASSES, (batch, LABEL_WIDTH), generator=generator)
    labels *= torch.arange(LABEL_WIDTH) < lengths.unsqueeze(1)
    steps = torch.full((batch,), TIME_STEPS)

    def native() -> torch.Tensor:
        return F.ctc_loss(logits.log_softmax(2).transpose(0, 1), labels, steps, lengths, zero_infinity=True)

    torch.testing.assert_close(ctc_loss(logits, labels, lengths)[0], native())

    def backward(loss: torch.Tensor) -> None:
        logits.grad = None
        loss.backward()

    ratio_report.compare(
        f"time of CTC / torch's, batch {batch}, up to {longest} characters, threads: {threads}",
        lambda: backward(ctc_loss(logits, labels, lengths)[0]),
        lambda: backward(native()),
        "at most",
        1.0,
        rounds=100,
        max_seconds=4,
    )
