"""The packed labels of augmented samples against those that `draw_targets` draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from db_scenes import Scene
from ocr_models.db.augmentation import Augmentation
from ocr_models.db.crop_targets import draw_crop_targets, texts_in_sample
from ocr_models.db.targets import draw_targets
from ocr_models.detection.polygons import PolygonBatch

LEVEL = 0.4 / 255

UPRIGHT = Augmentation((320, 320), False, 0.0, scaled_shape=(320, 320), crop=(0, 0, 320, 320), sample_size=320)

POLYGONS = [
    np.array([(40.0, 50), (200, 40), (205, 90), (42, 100)]),
    np.array([(150.0, 70), (310, 75), (300, 130), (140, 120)]),  # overlaps the first
    np.array([(10.0, 140), (130, 140), (130, 144), (10, 144)]),  # too low to be learned
    np.array([(250.0, 250), (250, 250), (250, 250), (250, 250)]),
    np.array([(260.0, 180), (300, 200), (330, 260), (300, 330), (250, 300)]),  # five corners, over the edge
    np.array([(-30.0, 300), (40, 280), (60, 330), (-20, 360)]),
    np.array([(-20000.0, 200), (20000, 200), (20000, 220), (-20000, 225)]),
    np.array([(315.0, 10), (319, 10), (319, 30), (315, 30)]),
]
IGNORED = np.array([False, True, False, False, False, True, False, False])


def assert_as_drawn(polygons: PolygonBatch, ignored: np.ndarray, augmentation: Augmentation) -> None:
    masks, threshold = draw_crop_targets(polygons, ignored, augmentation)
    texts, kept = texts_in_sample(polygons, augmentation)
    size = augmentation.sample_size
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets(texts.arrays(), ignored[kept], (size, size))
    np.testing.assert_array_equal(masks, shrink_map | shrink_mask << 1 | threshold_mask << 2)
    assert abs(0.3 + LEVEL * threshold - threshold_map).max() <= 0.51 * LEVEL
    assert threshold.dtype == np.uint8
    assert masks.dtype == np.uint8


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_random_samples_are_those_of_the_moved_polygons(seed: int) -> None:
    scene = Scene(seed)
    for draw in range(25):
        assert_as_drawn(scene.batch, scene.ignored, scene.draw(draw))


def test_labels_of_odd_polygons_are_those_that_are_drawn() -> None:
    assert_as_drawn(PolygonBatch.of(POLYGONS), IGNORED, UPRIGHT)
    for angle in (1.0, 3.0, -10.0):  # so that no pixel is exactly on the circle of an edge
        for crop in ((0, 0, 320, 320), (10, 20, 200, 120), (100, 40, 140, 320)):
            assert_as_drawn(PolygonBatch.of(POLYGONS), IGNORED, replace(UPRIGHT, angle_degrees=angle, crop=crop))


@pytest.mark.parametrize("radii", [(150, 150), (140, 20), (4, 4), (900, 500)])
def test_labels_of_an_outline_of_many_vertices_are_those_that_are_drawn(radii: tuple[int, int]) -> None:
    """Also where edges are shorter than a pixel, and where the outline is far outside."""
    angles = np.linspace(0, 2 * np.pi, 120)  # the last vertex repeats the first
    ring = np.stack((np.cos(angles), np.sin(angles)), axis=1) * radii * (1 + 0.3 * np.cos(7 * angles))[:, None]
    batch = PolygonBatch.of([np.add(ring, (160, 150)), np.add(ring[::-1], (300.5, 20))])
    assert_as_drawn(batch, np.zeros(2, bool), replace(UPRIGHT, angle_degrees=1.0))


def test_a_threshold_of_0_7_and_one_of_0_3_are_exact() -> None:
    text = np.array([(100.0, 100), (200, 100), (200, 140), (100, 140)])
    _, threshold = draw_crop_targets(PolygonBatch.of([text]), np.array([False]), UPRIGHT)
    assert (threshold[100, 100:201] == 255).all()
    assert threshold[120, 150] == 0
    assert threshold[50, 50] == 0


def test_only_texts_that_touch_the_crop_are_drawn() -> None:
    crop = replace(UPRIGHT, crop=(0, 0, 320, 160))
    below = np.array([(100.0, 161), (200, 161), (200, 190), (100, 190)])  # its grown outline reaches the crop
    masks, threshold = draw_crop_targets(PolygonBatch.of([below]), np.array([False]), crop)
    assert (masks == 2).all()
    assert not threshold.any()
    masks, _ = draw_crop_targets(PolygonBatch.of([below - (0, 1)]), np.array([False]), crop)
    assert (masks & 1).any()  # also in the padding


def test_padding_and_samples_without_texts_are_in_the_shrink_mask() -> None:
    masks, threshold = draw_crop_targets(
        PolygonBatch.of([]), np.empty(0, bool), replace(UPRIGHT, crop=(0, 0, 320, 100))
    )
    assert (masks == 2).all()
    assert not threshold.any()
