"""The baseline computes what the suite's own postprocessing computes: otherwise a comparison means nothing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.components.db.baseline.postprocessing import baseline_boxes
from benchmarks.components.pages import PROBABILITY_PAGES
from ocr_models.db import boxes


@pytest.mark.parametrize("words", PROBABILITY_PAGES)
def test_boxes_and_scores_are_those_of_the_suite(words: int) -> None:
    probability = PROBABILITY_PAGES[words].probability()  # (736, 1312)
    own, scores = boxes(probability, (720, 1280))
    baseline, baseline_scores = baseline_boxes(probability, (720, 1280))
    assert len(own) == words
    np.testing.assert_array_equal(own, baseline)
    np.testing.assert_allclose(scores, baseline_scores, rtol=0, atol=1e-9)
