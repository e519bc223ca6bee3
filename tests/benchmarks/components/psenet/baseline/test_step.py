"""The baseline computes what the suite's own step computes: otherwise a comparison means nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.components.pages import text_maps
from benchmarks.components.psenet.baseline.step import BaselineStep, baseline_losses
from ocr_models.psenet import PSENet, PSENetLoss

Losses = dict[str, Tensor]


def logits_and_maps() -> tuple[Tensor, list[Tensor]]:
    """Texts only in the upper rows, so that the hard examples are a small part of the background."""
    text, kernels, mask = (torch.from_numpy(each).long() for each in text_maps(2, 128))
    text[:, 24:], kernels[:, :, 24:] = 0, 0
    logits = torch.randn(2, 7, 128, 128, generator=torch.Generator().manual_seed(0), requires_grad=True)
    return logits, [text, kernels, mask]


def assert_same(baseline: Losses, own: Losses) -> None:
    assert baseline.keys() == own.keys()
    for name, values in own.items():
        torch.testing.assert_close(baseline[name].detach(), values.detach(), atol=1e-5, rtol=0)


def gradient(logits: Tensor, losses: Losses) -> Tensor:
    total = losses["loss_text"].mean() + losses["loss_kernels"].mean()
    (found,) = torch.autograd.grad(total, logits)
    return found


def test_losses_scores_and_gradient_are_those_of_the_suite() -> None:
    logits, maps = logits_and_maps()
    baseline, own = baseline_losses(logits, *maps), PSENetLoss()(logits, *maps)
    assert_same(baseline, own)
    torch.testing.assert_close(gradient(logits, baseline), gradient(logits, own), atol=1e-6, rtol=1e-4)


def test_losses_and_scores_of_an_image_without_text_are_those_of_the_suite() -> None:
    logits, (text, kernels, mask) = logits_and_maps()
    text[0], kernels[0] = 0, 0
    assert_same(baseline_losses(logits, text, kernels, mask), PSENetLoss()(logits, text, kernels, mask))


def test_the_baseline_step_trains() -> None:
    torch.manual_seed(0)
    step = BaselineStep(PSENet("resnet18", neck_channels=8, hidden_channels=8), torch.device("cpu"))
    maps = [torch.from_numpy(each).long() for each in text_maps(2, 64)]
    images = torch.randn(2, 3, 64, 64)
    losses = [step(images, *maps)["loss"] for _ in range(8)]
    assert losses[-1] < losses[0]
