"""The training loss of PSENet, compared with its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.components.reporting import RatioReport, component

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = component("PSENet loss")

BATCH_SIZE, IMAGE_SIZE = 8, 736


def test_loss(ratio_report: RatioReport) -> None:
    """Forward and backward of logits (8, 7, 736, 736)."""
    import torch

    from benchmarks.components.pages import text_maps
    from benchmarks.components.psenet.baseline.step import baseline_losses
    from ocr_models.psenet import PSENetLoss

    maps = [torch.from_numpy(each) for each in text_maps(BATCH_SIZE, IMAGE_SIZE)]
    as_bool, as_int64 = [each.bool() for each in maps], [each.long() for each in maps]
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH_SIZE, 7, IMAGE_SIZE, IMAGE_SIZE, generator=generator, requires_grad=True)
    criterion = PSENetLoss()
    losses = criterion(logits, *as_bool)
    for name, expected in baseline_losses(logits, *as_int64).items():
        torch.testing.assert_close(losses[name].detach(), expected.detach(), rtol=0, atol=1e-4)

    def backward(losses: dict[str, Tensor]) -> None:
        logits.grad = None
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()

    ratio_report.compare(
        "time of the loss / baseline",
        lambda: backward(criterion(logits, *as_bool)),
        lambda: backward(baseline_losses(logits, *as_int64)),
        "at most",
        0.25,
        rounds=5,
    )
