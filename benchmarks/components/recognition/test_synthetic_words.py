"""The drawing of synthetic word images, compared with the decoding of the same images."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = [*component("synthetic words"), pytest.mark.usefixtures("one_opencv_thread")]

IMAGES = 400


def test_drawing_words(ratio_report: RatioReport) -> None:
    """400 images, drawn and written as JPEG in one thread, compared with `cv2.imdecode` of the files."""
    import cv2
    import matplotlib
    import numpy as np

    from ocr_models.recognition.vocabulary import made_up_words
    from ocr_models.recognition.word_image import WordPainter

    painter = WordPainter(Path(matplotlib.get_data_path(), "fonts", "ttf"))
    words = made_up_words(IMAGES, seed=0)

    def draw() -> list[np.ndarray]:
        images = [painter.draw(np.random.default_rng(number), word) for number, word in enumerate(words)]
        return [cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 75))[1] for image in images]

    files = draw()

    def decode() -> None:
        for file in files:
            cv2.imdecode(file, cv2.IMREAD_COLOR)

    ratio_report.compare("time to draw / time of cv2.imdecode", draw, decode, "at most", 8, rounds=8)
