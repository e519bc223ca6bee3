"""Distributions of the crops against those of another implementation, with its defect mended."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from benchmarks.components.db.baseline import augmentation as plain
from ocr_models.db.augmentation import Augmentation, draw_augmentation
from ocr_models.db.crop_targets import texts_in_sample
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.polygons import PolygonBatch
from ocr_models.detection.reading import read_annotated_set
from parity import DB_FOLDER, MORE, needs_db_numbers

IMAGES = MORE / "icdar2015_mini"
SHAPE = (720, 1280)
DRAWS = 300

pytestmark = [needs_db_numbers, pytest.mark.skipif(not IMAGES.is_dir(), reason=f"{IMAGES} is not there")]


@pytest.fixture(scope="module")
def images() -> dict[str, AnnotatedImage]:
    return {image.path.stem: image for image in read_annotated_set(IMAGES).images}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((DB_FOLDER / "augmentation.json").read_text())
    return stored


def counting(image: AnnotatedImage) -> list[np.ndarray]:
    return [polygon for polygon, ignored in zip(image.polygons, image.ignored, strict=True) if not ignored]


def largest_deviation(image: AnnotatedImage, draws: list[Augmentation], stored: dict[str, Any]) -> float:
    """In standard deviations of 300 draws: the largest difference to the stored distribution."""
    batch = PolygonBatch.of(image.polygons)
    kept = np.array([texts_in_sample(batch, drawn)[1] for drawn in draws])  # (draws, texts)
    share = kept[:, ~image.ignored].mean(1)
    sides = np.array([drawn.scaled_shape for drawn in draws])
    crops = np.array([drawn.crop for drawn in draws])
    widths, heights = (crops[:, 2] - crops[:, 0]) / sides[:, 1], (crops[:, 3] - crops[:, 1]) / sides[:, 0]
    scales = np.array([drawn.fit for drawn in draws]) * sides[:, 1] / SHAPE[1]
    covered = [np.prod(drawn.visible) / drawn.sample_size**2 for drawn in draws]
    deviations = []
    for values, mean in (
        (share, stored["care_share_kept_mean"]),
        (kept.sum(1), stored["texts_kept_mean"]),
        (covered, stored["canvas_share_mean"]),
        *((kept[:, int(text)], share) for text, share in stored["kept_by_text"].items()),
    ):
        deviations.append(abs(np.mean(values) - mean) / max(np.std(values), 0.05))
    for values, name in (
        (scales, "scale_quantiles"),
        (widths, "crop_width_share_quantiles"),
        (heights, "crop_height_share_quantiles"),
    ):
        for level, quantile in zip((0.05, 0.25, 0.5, 0.75, 0.95), stored[name], strict=True):
            deviations.append(abs(np.mean(values <= quantile) - level) / np.sqrt(level * (1 - level)))
    return float(max(deviations) / np.sqrt(2 / DRAWS))


def test_samples_are_distributed_as_with_the_last_gap_kept(
    images: dict[str, AnnotatedImage], expected: dict[str, Any]
) -> None:
    right, wrong = {}, {}
    for name, stored in expected["last_gap_kept"].items():
        image = images[name]
        batch = PolygonBatch.of(counting(image))
        draws = [draw_augmentation(np.random.default_rng(seed), SHAPE, batch, 640) for seed in range(DRAWS)]
        right[name] = largest_deviation(image, draws, stored)
        wrong[name] = largest_deviation(image, draws, expected["reference"][name])
    assert max(right.values()) < 5, right
    assert min(wrong["img_1"], wrong["img_7"]) > 20, wrong  # the others have texts in one row, or few


def test_each_text_is_in_a_good_part_of_the_samples(images: dict[str, AnnotatedImage]) -> None:
    for image in images.values():
        texts = counting(image)
        batch = PolygonBatch.of(texts)
        draws = [draw_augmentation(np.random.default_rng(seed), SHAPE, batch, 640) for seed in range(DRAWS)]
        shares = np.mean([texts_in_sample(batch, drawn)[1] for drawn in draws], axis=0) if texts else np.empty(0)
        assert ((shares > 0.35) & (shares <= 1)).all(), (image.path.stem, shares)  # within sampling


def test_the_comparison_exposes_a_forgotten_last_gap(
    images: dict[str, AnnotatedImage], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = plain.gaps_of
    monkeypatch.setattr(plain, "gaps_of", lambda taken, _: original(taken, False))
    rng = random.Random(0)
    image = images["img_7"]
    draws = [plain.draw(rng, SHAPE, counting(image), 640) for _ in range(DRAWS)]
    assert largest_deviation(image, draws, expected["last_gap_kept"]["img_7"]) > 8
    assert largest_deviation(image, draws, expected["reference"]["img_7"]) < 5
