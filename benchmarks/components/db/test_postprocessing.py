"""From DB's probability map to text boxes, compared with the decoding of an image and with the baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = [*component("DB postprocessing"), pytest.mark.usefixtures("one_opencv_thread")]

ORIGINAL_SIZE = (720, 1280)
IMAGES = 10
IMREAD_TARGETS = {8: 0.6, 744: 8}
BASELINE_TARGETS = {8: 0.75, 744: 0.35}


@pytest.mark.parametrize("words", IMREAD_TARGETS)
def test_boxes_and_imread(words: int, data_folder: Path, ratio_report: RatioReport) -> None:
    """The boxes of ten pages, compared with `cv2.imread` of ten images; a thread each."""
    import cv2

    from benchmarks.components.pages import PROBABILITY_PAGES
    from ocr_models.db import boxes
    from ocr_models.detection.reading import read_annotated_set

    paths = [str(image.path) for image in read_annotated_set(data_folder).images[:IMAGES]]
    probability = PROBABILITY_PAGES[words].probability()  # (736, 1312)
    assert len(boxes(probability, ORIGINAL_SIZE)[0]) == words

    def find() -> None:
        for _ in paths:
            boxes(probability, ORIGINAL_SIZE)

    def read() -> None:
        for path in paths:
            cv2.imread(path)

    name = f"time of the boxes of {words} words / cv2.imread"
    ratio_report.compare(name, find, read, "at most", IMREAD_TARGETS[words], rounds=20)


@pytest.mark.parametrize("words", BASELINE_TARGETS)
def test_boxes_and_baseline(words: int, ratio_report: RatioReport) -> None:
    """The same boxes, one contour after the other."""
    import numpy as np

    from benchmarks.components.db.baseline.postprocessing import baseline_boxes
    from benchmarks.components.pages import PROBABILITY_PAGES
    from ocr_models.db import boxes

    probability = PROBABILITY_PAGES[words].probability()  # (736, 1312)
    (own, scores), (plain, plain_scores) = boxes(probability, ORIGINAL_SIZE), baseline_boxes(probability, ORIGINAL_SIZE)
    assert len(own) == words
    assert np.array_equal(own, plain)
    assert np.allclose(scores, plain_scores, rtol=0, atol=1e-9)
    ratio_report.compare(
        f"time of the boxes of {words} words / baseline",
        lambda: boxes(probability, ORIGINAL_SIZE),
        lambda: baseline_boxes(probability, ORIGINAL_SIZE),
        "at most",
        BASELINE_TARGETS[words],
        rounds=20,
    )
