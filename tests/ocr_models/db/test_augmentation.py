"""The one-warp augmentation against the step-by-step recipe."""

from __future__ import annotations

import random
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.components.db.baseline import augmentation as plain
from db_scenes import Scene
from ocr_models.db.augmentation import Augmentation, draw_augmentation, draw_crop, find_gaps
from ocr_models.db.crop_targets import texts_in_sample
from ocr_models.detection.polygons import PolygonBatch
from ocr_models.detection.warp import CropWarper
from scenes import SHAPE

LEVEL_OF_CHANCE = 1.95  # Kolmogorov-Smirnov: larger than this times sqrt(2 / n) once in a thousand times
DRAWS = 600

UPRIGHT = Augmentation((100, 200), False, 0.0, scaled_shape=(200, 400), crop=(100, 50, 200, 100), sample_size=128)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [Scene(seed) for seed in range(3)]


def warped(image: np.ndarray, drawn: Augmentation) -> np.ndarray:
    return CropWarper(drawn.sample_size)(image, drawn.pixels_to_sample(), drawn.visible)


def move(matrix: np.ndarray, *point: float) -> list[float]:
    moved: list[float] = (matrix @ (*point, 1)).tolist()
    return moved


def test_matrices_do_what_resize_flip_crop_and_fit_do() -> None:
    assert move(UPRIGHT.points_to_sample(), 50, 25) == [0, 0]
    assert move(UPRIGHT.points_to_sample(), 100, 50) == pytest.approx([128, 64])
    assert move(UPRIGHT.pixels_to_sample(), 49.5, 24.5) == pytest.approx([-0.5, -0.5])  # the outer edge of the crop
    assert move(replace(UPRIGHT, flip=True).points_to_sample(), 150, 25) == pytest.approx([0, 0])
    assert move(replace(UPRIGHT, angle_degrees=10.0).points_to_frame(), 100, 50) == pytest.approx([200, 100])
    assert UPRIGHT.visible == (64, 128)


@pytest.mark.parametrize("crop", [(-1, 0, 50, 50), (0, 0, 401, 50), (0, 0, 50, 201), (50, 0, 50, 20)])
def test_an_empty_crop_or_one_outside_the_frame_is_refused(crop: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="the crop is empty or leaves the frame"):
        replace(UPRIGHT, crop=crop)


def test_points_move_as_step_by_step(scenes: list[Scene]) -> None:
    for seed in range(30):
        scene = scenes[seed % 3]
        drawn = scene.draw(seed)
        moved = scene.batch.transformed(drawn.points_to_sample())
        expected = np.concatenate([plain.apply_to_points(polygon, drawn) for polygon in scene.polygons])
        np.testing.assert_allclose(moved.points, expected, atol=1e-9)
        kept = [plain.touches(polygon, (0, 0, *drawn.visible[::-1])) for polygon in moved.arrays()]
        assert texts_in_sample(scene.batch, drawn)[1].tolist() == kept


def test_the_picture_is_the_recipes_within_interpolation(scenes: list[Scene]) -> None:
    for seed in range(8):
        scene = scenes[seed % 3]
        drawn = scene.draw(seed)
        crop, expected = warped(scene.image, drawn), plain.apply_to_image(scene.image, drawn)
        assert crop.shape == (640, 640, 3)
        assert crop.dtype == np.uint8
        assert np.abs(crop.astype(int) - expected).mean() < 4  # grey levels
        assert np.mean((crop.max(2) == 0) != (expected.max(2) == 0)) < 0.01
        smooth = [cv2.GaussianBlur(each, (0, 0), 1.5).astype(np.float32).mean(2) for each in (crop, expected)]
        left, top, right, bottom = drawn.crop
        exact = np.array((right - left, bottom - top)) * drawn.fit
        rounding = (drawn.visible[::-1] - exact) / 2  # on average; the recipe resizes to whole pixels
        assert np.hypot(*(cv2.phaseCorrelate(*smooth)[0] - rounding)) < 0.2  # pixels


def test_the_picture_is_as_sharp_as_the_recipes(scenes: list[Scene]) -> None:
    def sharpness(image: np.ndarray) -> float:
        return float(cv2.Laplacian(image.astype(np.float32), -1).var())

    ratios = []
    for seed in range(12):
        drawn = scenes[seed % 3].draw(seed)
        image = scenes[seed % 3].image
        ratios.append(sharpness(warped(image, drawn)) / sharpness(plain.apply_to_image(image, drawn)))
    assert np.median(ratios) == pytest.approx(1, abs=0.3)


def test_the_rest_of_the_sample_is_black() -> None:
    crop = warped(np.full((100, 200, 3), 255, np.uint8), UPRIGHT)
    assert (crop[:64] == 255).all()
    assert not crop[64:].any()
    turned = warped(np.full((100, 200, 3), 255, np.uint8), replace(UPRIGHT, angle_degrees=10.0, crop=(0, 0, 400, 200)))
    assert not turned[0, 0].any()
    assert (turned[32, 64] == 255).all()


def figures(scene: Scene, drawn: Augmentation) -> list[float]:
    rows, columns = drawn.scaled_shape
    left, top, right, bottom = drawn.crop
    kept = texts_in_sample(scene.batch, drawn)[1]
    places = [left / columns, top / rows, right / columns, bottom / rows]
    return [drawn.flip, drawn.angle_degrees, columns / SHAPE[1], *places, drawn.fit * columns, kept.sum()]


def distances_of_distributions(scene: Scene, keep_last_gap: bool, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Kolmogorov-Smirnov distances (9,) between the figures drawn here and step by step."""
    if not keep_last_gap:
        original = plain.gaps_of
        monkeypatch.setattr(plain, "gaps_of", lambda taken, _: original(taken, False))
    rng = random.Random(3)
    mine = np.array([figures(scene, scene.draw(seed)) for seed in range(DRAWS)])
    others = np.array([figures(scene, plain.draw(rng, SHAPE, scene.counting, 640)) for _ in range(DRAWS)])
    found = []
    for one, other in zip(mine.T, others.T, strict=True):
        steps = np.sort(np.concatenate((one, other)))
        shares = [np.searchsorted(np.sort(each), steps, side="right") / DRAWS for each in (one, other)]
        found.append(abs(shares[0] - shares[1]).max())
    return np.array(found)


def test_random_numbers_are_distributed_as_step_by_step(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    distances = distances_of_distributions(scenes[1], True, monkeypatch)
    assert (distances < LEVEL_OF_CHANCE * np.sqrt(2 / DRAWS)).all(), distances


def test_the_comparison_exposes_a_forgotten_last_gap(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    distances = distances_of_distributions(scenes[1], False, monkeypatch)
    assert (distances > 2 * LEVEL_OF_CHANCE * np.sqrt(2 / DRAWS)).any(), distances


def test_flips_angles_and_factors_cover_their_ranges(scenes: list[Scene]) -> None:
    draws = [scenes[0].draw(seed) for seed in range(400)]
    angles = [drawn.angle_degrees for drawn in draws]
    factors = [drawn.scaled_shape[1] / SHAPE[1] for drawn in draws]
    assert np.mean([drawn.flip for drawn in draws]) == pytest.approx(0.5, abs=0.1)
    assert (min(angles), max(angles)) == pytest.approx((-10, 10), abs=0.2)
    assert (min(factors), max(factors)) == pytest.approx((0.5, 3), abs=0.03)
    assert len(set(angles)) == len(draws)


def test_each_text_is_in_a_good_part_of_the_samples() -> None:
    places = ((200, 150), (750, 300), (300, 500), (800, 560))
    words = [np.array([(x, y), (x + 200, y), (x + 200, y + 50), (x, y + 50)], float) for x, y in places]
    batch = PolygonBatch.of(words)
    draws = [draw_augmentation(np.random.default_rng(seed), SHAPE, batch, 640) for seed in range(400)]
    kept = np.mean([texts_in_sample(batch, drawn)[1] for drawn in draws], axis=0)
    assert kept.min() > 0.3, kept  # a forgotten last gap would leave 0 for the lowest
    assert kept.max() < 0.7, kept


def test_gaps_are_the_runs_without_text() -> None:
    first, last = np.array([10.4, 30.0, 35.0, -5.0]), np.array([20.6, 40.0, 50.0, 4.0])
    starts, lengths = find_gaps(first, last, 60)
    assert starts.tolist() == [0, 21, 50]  # an interval that begins before the axis covers nothing
    assert lengths.tolist() == [10, 9, 10]
    assert find_gaps(np.array([30.0]), np.array([80.0]), 60)[0].tolist() == [0]
    assert find_gaps(np.array([0.0]), np.array([60.0]), 60)[0].tolist() == []
    assert find_gaps(np.empty(0), np.empty(0), 60)[1].tolist() == [60]


def test_a_crop_cuts_no_text_touches_one_and_is_not_too_small() -> None:
    first, last = np.array([(100.0, 50), (300, 200)]), np.array([(180.0, 80), (420, 240)])
    for seed in range(200):
        left, top, right, bottom = draw_crop(np.random.default_rng(seed), (300, 500), first, last)
        assert right - left >= 50
        assert bottom - top >= 30
        for low, high, start, end in ((100, 180, left, right), (300, 420, left, right), (50, 80, top, bottom)):
            assert not low <= start < high
            assert not low <= end < high
        assert ((first <= (right, bottom)) & (last >= (left, top))).all(1).any()


def test_without_texts_that_count_or_without_gaps_the_whole_image_is_taken() -> None:
    nothing = np.empty((0, 2))
    everything = np.array([(0.0, 0)]), np.array([(500.0, 300)])
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert draw_crop(rng, (300, 500), nothing, nothing) == (0, 0, 500, 300)
        assert draw_crop(rng, (300, 500), *everything) == (0, 0, 500, 300)


@pytest.mark.parametrize("shape", [(720, 1280), (1, 1), (3, 2000), (1500, 40)])
def test_any_source_gives_a_sample(shape: tuple[int, int]) -> None:
    polygon = np.array([(0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0])], np.float64) * 0.4
    image = np.full((*shape, 3), 255, np.uint8)
    for seed in range(20):
        drawn = draw_augmentation(np.random.default_rng(seed), shape, PolygonBatch.of([polygon]), 64)
        assert warped(image, drawn).shape == (64, 64, 3)
        assert max(drawn.visible) <= 64
        assert min(drawn.visible) >= 1
