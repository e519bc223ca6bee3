"""The baseline computes what the suite's own postprocessing computes: otherwise a comparison means nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.components.pages import PAGES
from benchmarks.components.psenet.baseline.postprocessing import baseline_boxes, baseline_expansion
from ocr_models.psenet import expand_kernels
from ocr_models.psenet.postprocessing import detect


@pytest.mark.parametrize(
    "page", ["dense", *(pytest.param(page, marks=pytest.mark.exhaustive) for page in PAGES if page != "dense")]
)
def test_labels_and_boxes_are_those_of_the_suite(page: str) -> None:
    logits = PAGES[page].logits()  # (7, 736, 1312)
    kernels = (logits > 0).astype(np.uint8)
    kernels *= kernels[0]
    assert np.array_equal(baseline_expansion(kernels, 16), expand_kernels(kernels, 16))
    baseline, own = baseline_boxes(logits, (720, 1280)), detect(logits, (720, 1280))
    assert len(baseline) == len(own) == PAGES[page].words
    for corners, box in zip(baseline, own, strict=True):
        np.testing.assert_allclose(_sorted(corners), _sorted(box.polygon), atol=1e-3)


def _sorted(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners in an order that does not depend on where the rectangle begins."""
    return corners[np.lexsort(corners.T.round(2))]
