"""How long the parts beside the training step take, each by itself: `pytest benchmarks -m components`.

The speed cases measure training; these measure the code around it, on made-up input of fixed size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.components

ORIGINAL_SIZE = (720, 1280)
MIN_AREA = 16


@pytest.mark.parametrize("page", ["sparse", "dense"])
@pytest.mark.benchmark(group="expansion")
def test_expansion(page: str, benchmark: Any) -> None:
    """Seven 736x1312 kernel maps to one label per text."""
    from benchmarks.pages import PAGES
    from ocr_models.psenet.expansion import expand_kernels

    words = PAGES[page]
    kernels = (words.logits() > 0).astype("uint8")
    expand_kernels(kernels, MIN_AREA)  # compiled off the clock
    labels = benchmark(expand_kernels, kernels, MIN_AREA)
    assert labels.max() == words.rows * words.columns


@pytest.mark.parametrize("page", ["sparse", "dense"])
@pytest.mark.benchmark(group="logits to boxes")
def test_logits_to_boxes(page: str, benchmark: Any) -> None:
    """Seven 736x1312 logit maps to the texts' rectangles."""
    from benchmarks.pages import PAGES
    from ocr_models.psenet.boxes import detect

    words = PAGES[page]
    logits = words.logits()
    detect(logits, ORIGINAL_SIZE)  # compiled off the clock
    boxes = benchmark(detect, logits, ORIGINAL_SIZE)
    assert len(boxes) == words.rows * words.columns


@pytest.mark.benchmark(group="evaluation")
def test_evaluation_of_500_images(tmp_path: Path, benchmark: Any) -> None:
    """As many images as the ICDAR 2015 test set has, with rather more texts on each."""
    from benchmarks.pages import write_archives
    from ocr_models.evaluation import evaluate_icdar2015

    truth, submission = tmp_path / "gt.zip", tmp_path / "submission.zip"
    write_archives(truth, submission, images=500, texts=16)
    figures = benchmark.pedantic(evaluate_icdar2015, (truth, submission), rounds=3, warmup_rounds=1)
    assert 0 < figures["hmean"] < 1
