"""From PSENet's logits to text boxes, compared with the baseline."""

from __future__ import annotations

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("PSENet postprocessing")

ORIGINAL_SIZE = (720, 1280)
MIN_AREA = 16
TARGETS = {"sparse": 0.25, "dense": 0.05}


@pytest.mark.parametrize("page", TARGETS)
def test_expansion(page: str, ratio_report: RatioReport) -> None:
    """Seven kernel maps (7, 736, 1312) to one label per text."""
    import numpy as np

    from benchmarks.components.pages import PAGES
    from benchmarks.components.psenet.baseline.postprocessing import baseline_expansion
    from ocr_models.psenet import expand_kernels

    kernels = (PAGES[page].logits() > 0).astype("uint8")  # (7, 736, 1312)
    kernels *= kernels[0]
    assert np.array_equal(expand_kernels(kernels, MIN_AREA), baseline_expansion(kernels, MIN_AREA))
    ratio_report.compare(
        f"time of the expansion / baseline, {page} page",
        lambda: expand_kernels(kernels, MIN_AREA),
        lambda: baseline_expansion(kernels, MIN_AREA),
        "at most",
        TARGETS[page],
        rounds=10,
    )


@pytest.mark.parametrize("page", TARGETS)
def test_logits_to_boxes(page: str, ratio_report: RatioReport) -> None:
    """Seven logit maps (7, 736, 1312) to the rectangles of the texts."""
    from benchmarks.components.pages import PAGES
    from benchmarks.components.psenet.baseline.postprocessing import baseline_boxes
    from ocr_models.psenet.postprocessing import detect

    logits = PAGES[page].logits()  # (7, 736, 1312)
    assert len(detect(logits, ORIGINAL_SIZE)) == len(baseline_boxes(logits, ORIGINAL_SIZE)) == PAGES[page].words
    ratio_report.compare(
        f"time of logits to boxes / baseline, {page} page",
        lambda: detect(logits, ORIGINAL_SIZE),
        lambda: baseline_boxes(logits, ORIGINAL_SIZE),
        "at most",
        TARGETS[page],
        rounds=5,
    )
