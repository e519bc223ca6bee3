"""The training loss of DB, compared with a matrix product and with its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.components.reporting import RatioReport, component

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = [*component("DB loss"), pytest.mark.usefixtures("one_torch_thread")]

BATCH_SIZE, IMAGE_SIZE, MATRIX_SIZE = 8, 640, 4096

GROWTH = {"words": 0, "few positives": -12, "many positives": 60}
"""Pixels by which the shrunk texts grow; with no growth they are 4 % of the pixels."""


@pytest.mark.parametrize("texts", GROWTH)
def test_loss_compared_with_a_matrix_product(texts: str, ratio_report: RatioReport) -> None:
    """Forward and backward of maps (8, 3, 640, 640)."""
    import torch

    from ocr_models.db import DBLoss

    maps, labels = _inputs(texts)
    matrix = torch.rand(MATRIX_SIZE, MATRIX_SIZE)
    ratio_report.compare(
        f"time of DB's loss / matrix product of size {MATRIX_SIZE}, {texts}",
        lambda: _backward(maps, DBLoss()(maps, *labels)),
        lambda: matrix @ matrix,
        "at most",
        0.12,
        rounds=5,
    )


@pytest.mark.parametrize("texts", GROWTH)
def test_loss_compared_with_its_baseline(texts: str, ratio_report: RatioReport) -> None:
    """Forward and backward of maps (8, 3, 640, 640)."""
    import torch

    from benchmarks.components.db.baseline.loss import baseline_losses
    from ocr_models.db import DBLoss

    maps, labels = _inputs(texts)
    as_floats = [label.float() for label in labels]
    losses = DBLoss()(maps, *labels)
    for name, expected in baseline_losses(maps, *as_floats).items():
        torch.testing.assert_close(losses[name], expected, rtol=1e-4, atol=1e-5)
    ratio_report.compare(
        f"time of DB's loss / baseline, {texts}",
        lambda: _backward(maps, DBLoss()(maps, *labels)),
        lambda: _backward(maps, baseline_losses(maps, *as_floats)),
        "at most",
        0.25,
        rounds=5,
    )


def _backward(maps: Tensor, losses: dict[str, Tensor]) -> None:
    maps.grad = None
    losses["loss"].backward()


def _inputs(texts: str) -> tuple[Tensor, list[Tensor]]:
    """Maps of random logits, and labels of crops with twelve words each: bool, and float32 for the threshold map."""
    import cv2
    import numpy as np
    import torch

    from benchmarks.components.pages import text_maps

    text, kernels, shrink_mask = text_maps(BATCH_SIZE, IMAGE_SIZE)

    def grown(flags: np.ndarray, pixels: int) -> Tensor:
        change, kernel = cv2.dilate if pixels > 0 else cv2.erode, np.ones((2, 2), np.uint8)
        return torch.from_numpy(np.stack([change(each, kernel, iterations=abs(pixels)) for each in flags])).bool()

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH_SIZE, 2, IMAGE_SIZE, IMAGE_SIZE, generator=generator)
    probability, threshold = logits.sigmoid().unbind(1)
    maps = torch.stack((probability, threshold, torch.sigmoid(50 * (probability - threshold))), dim=1)
    threshold_map = 0.3 + 0.4 * torch.rand(probability.shape, generator=generator)
    shrink_map = grown(kernels[:, -1], GROWTH[texts])
    return maps.requires_grad_(), [shrink_map, torch.from_numpy(shrink_mask).bool(), threshold_map, grown(text, 24)]
