"""The making of training samples, compared with the decoding of their images."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("PSENet loader")

SAMPLES = 20


@pytest.mark.usefixtures("one_opencv_thread")
def test_loading_samples(data_folder: Path, ratio_report: RatioReport) -> None:
    """Samples of 736 pixels in one thread, compared with `cv2.imread` of the same images."""
    import cv2

    from ocr_models.detection.reading import read_annotated_set
    from ocr_models.psenet.dataset import PSENetDataset

    images = read_annotated_set(data_folder).images[:SAMPLES]
    dataset = PSENetDataset(images, image_size=736, seed=0)

    def load() -> None:
        for index in range(len(images)):
            dataset[index, index]

    def read() -> None:
        for image in images:
            cv2.imread(str(image.path))

    ratio_report.compare("time of a sample / time of cv2.imread", load, read, "at most", 2.5, rounds=8)
