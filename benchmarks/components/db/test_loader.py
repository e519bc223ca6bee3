"""The making of training samples of DB, compared with the decoding of their images and with the plain way."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.components.reporting import RatioReport, component

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage

pytestmark = [*component("DB loader"), pytest.mark.usefixtures("one_opencv_thread")]

SAMPLES = 20
REPEATS = 3
"""Samples of each image in a round: their costs differ."""

SIZE = 640


@pytest.fixture
def images(data_folder: Path) -> list[AnnotatedImage]:
    from ocr_models.detection.reading import read_annotated_set

    return [*read_annotated_set(data_folder).images[:SAMPLES]] * REPEATS


@pytest.fixture
def read(images: list[AnnotatedImage]) -> Callable[[], None]:
    import cv2

    def read_all() -> None:
        for image in images:
            cv2.imread(str(image.path))

    return read_all


@pytest.fixture
def load(images: list[AnnotatedImage]) -> Callable[[], None]:
    from ocr_models.db.dataset import DBDataset

    dataset = DBDataset(images, image_size=SIZE, seed=0)

    def load_all() -> None:
        for index in range(len(images)):
            dataset[index, index]

    return load_all


def test_loading_samples(load: Callable[[], None], read: Callable[[], None], ratio_report: RatioReport) -> None:
    """Samples of 640 pixels in one thread, compared with `cv2.imread` of the same images."""
    ratio_report.compare("time of a sample / time of cv2.imread", load, read, "at most", 2.5, rounds=8)


def test_loading_plain_samples(
    load: Callable[[], None], images: list[AnnotatedImage], ratio_report: RatioReport
) -> None:
    """The same, compared with samples made step by step."""
    from benchmarks.components.db.baseline.augmentation import make_sample

    def load_plain() -> None:
        rng = random.Random(0)
        for image in images:
            make_sample(rng, image.load(), image.polygons, image.ignored, SIZE)

    ratio_report.compare("time of a sample / of a plain sample", load, load_plain, "at most", 0.4, rounds=4)


def test_drawing_labels(images: list[AnnotatedImage], read: Callable[[], None], ratio_report: RatioReport) -> None:
    """The label maps of samples alone, compared with `cv2.imread` of their images."""
    import numpy as np

    from benchmarks.components.db.baseline.augmentation import apply_to_points
    from ocr_models.db.augmentation import draw_augmentation
    from ocr_models.db.crop_targets import draw_crop_targets, texts_in_sample
    from ocr_models.db.targets import draw_targets
    from ocr_models.detection.polygons import PolygonBatch

    samples = []
    for index, image in enumerate(images):
        polygons = PolygonBatch.of(image.polygons)
        rng, shape = np.random.default_rng(index), image.load().shape[:2]
        drawn = draw_augmentation(rng, shape, polygons.kept(~image.ignored), SIZE)
        samples.append((polygons, image.ignored, drawn))
        kept = np.flatnonzero(texts_in_sample(polygons, drawn)[1])
        moved = [apply_to_points(image.polygons[text], drawn) for text in kept]
        shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets(moved, image.ignored[kept], (SIZE, SIZE))
        masks, threshold = draw_crop_targets(polygons, image.ignored, drawn)
        # the last bit of a point differs, which may move an outline by a pixel
        assert np.mean(masks != (shrink_map | shrink_mask << 1 | threshold_mask << 2)) < 1e-3
        assert np.mean(abs(0.3 + 0.4 * threshold / 255 - threshold_map) > 0.001) < 1e-3

    def draw() -> None:
        for sample in samples:
            draw_crop_targets(*sample)

    ratio_report.compare("time of the label maps / time of cv2.imread", draw, read, "at most", 0.8, rounds=8)


def test_drawing_labels_of_many_vertices(ratio_report: RatioReport) -> None:
    """The label maps of outlines of 256 vertices, compared with those of the same outlines of 16."""
    import numpy as np

    from ocr_models.db.augmentation import Augmentation
    from ocr_models.db.crop_targets import draw_crop_targets
    from ocr_models.detection.polygons import PolygonBatch

    upright = Augmentation(
        (SIZE, SIZE), False, 0.0, scaled_shape=(SIZE, SIZE), crop=(0, 0, SIZE, SIZE), sample_size=SIZE
    )

    def draw(vertices: int) -> None:
        angles = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
        text = np.stack((320 + 300 * np.cos(angles), 320 + 100 * np.sin(angles)), axis=1)
        draw_crop_targets(PolygonBatch.of([text]), np.array([False]), upright)

    many, few = (lambda: draw(256)), (lambda: draw(16))
    ratio_report.compare("time of 256 vertices / of 16", many, few, "at most", 8, rounds=8)
