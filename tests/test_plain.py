"""The yardsticks compute what the suite's own parts compute: otherwise they measure nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.pages import PAGES, text_maps
from benchmarks.plain.boxes import plain_boxes, plain_expansion
from benchmarks.plain.step import PlainStep, plain_losses
from ocr_models.psenet import PSENet, PSENetLoss, expand_kernels
from ocr_models.psenet.boxes import detect
from suite import ROOT


def maps_and_logits() -> tuple[torch.Tensor, list[torch.Tensor]]:
    maps = [torch.from_numpy(each).long() for each in text_maps(2, 128)]
    logits = torch.randn(2, 7, 128, 128, generator=torch.Generator().manual_seed(0), requires_grad=True)
    return logits, maps


def test_the_plain_loss_is_the_loss() -> None:
    logits, maps = maps_and_logits()
    gradients = []
    for losses in (plain_losses(logits, *maps), PSENetLoss()(logits, *maps)):
        logits.grad = None
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
        assert logits.grad is not None
        gradients.append((losses, logits.grad.clone()))
    (plain, plain_gradient), (own, own_gradient) = gradients
    for name, values in own.items():
        torch.testing.assert_close(plain[name].detach(), values.detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(plain_gradient, own_gradient, atol=1e-6, rtol=1e-4)


def test_an_image_without_text_is_mined_alike() -> None:
    logits, (text, kernels, mask) = maps_and_logits()
    text[0], kernels[0] = 0, 0
    plain, own = plain_losses(logits, text, kernels, mask), PSENetLoss()(logits, text, kernels, mask)
    torch.testing.assert_close(plain["loss_text"], own["loss_text"], atol=1e-5, rtol=0)


def test_the_plain_step_trains() -> None:
    torch.manual_seed(0)
    step = PlainStep(PSENet("resnet18", neck_channels=8, hidden_channels=8), torch.device("cpu"))
    maps = [torch.from_numpy(each).long() for each in text_maps(2, 64)]
    images = torch.randn(2, 3, 64, 64)
    losses = [step(images, *maps)["loss"] for _ in range(8)]
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_the_steps_are_compared_by_one_command(image_folder: Path) -> None:
    small = ("--batch-size", "2", "--image-size", "64", "--steps", "1", "--rounds", "1", "--data", str(image_folder))
    command = [sys.executable, "-m", "benchmarks.compare_steps", *small]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    head, plain, *own = done.stdout.splitlines()
    assert head.split() == ["step", "samples/s", "times", "plain", "share", "of", "matmul", "aimed", "at"]
    assert plain.startswith("plain fp32")
    assert "1.000" in plain.split()
    assert len(own) >= 2


@pytest.mark.parametrize("page", ["sparse", "dense"])
def test_the_plain_expansion_and_boxes_are_the_suites(page: str) -> None:
    logits = PAGES[page].logits()
    kernels = (logits > 0).astype(np.uint8)
    kernels *= kernels[0]
    assert np.array_equal(plain_expansion(kernels, 16), expand_kernels(kernels, 16))
    plain, own = plain_boxes(logits, (720, 1280)), detect(logits, (720, 1280))
    assert len(plain) == len(own) == PAGES[page].words
    for corners, box in zip(plain, own, strict=True):
        np.testing.assert_allclose(_sorted(corners), _sorted(box.polygon), atol=1e-3)


def _sorted(corners: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return corners[np.lexsort(corners.T.round(2))]
