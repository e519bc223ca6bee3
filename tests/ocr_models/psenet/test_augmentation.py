"""The one-warp augmentation against the step-by-step recipe in plain_augmentation.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

import plain_augmentation
from ocr_models.detection.polygons import PolygonBatch
from ocr_models.detection.warp import CropWarper
from ocr_models.psenet.augmentation import Augmentation, _text_extent, draw_augmentation, scale_polygons
from ocr_models.psenet.crop_targets import draw_crop_targets
from scenes import SHAPE, Page

LEVEL_OF_CHANCE = 1.95  # Kolmogorov-Smirnov: larger than this times sqrt(2 / n) once in a thousand times


class Scene(Page):
    def draw(self, seed: int, crop_size: int) -> Augmentation:
        return draw_augmentation(np.random.default_rng(seed), SHAPE, self.batch, crop_size)

    def labels(self, augmentation: Augmentation) -> np.ndarray:
        polygons = scale_polygons(self.batch, SHAPE, augmentation.scaled_shape)
        return draw_crop_targets(polygons, self.ignored, augmentation)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [Scene(seed) for seed in range(3)]


PLAIN = Augmentation(
    source_shape=(100, 200),
    scaled_shape=(192, 352),
    flip=False,
    angle_degrees=0.0,
    corner=(32, 64),
    crop_size=128,
    brightness=1.0,
    saturation=1.0,
    brightness_first=True,
)


def augmentation(**changes: Any) -> Augmentation:
    return replace(PLAIN, **changes)


def crop_of(warp: CropWarper, image: np.ndarray, augmentation: Augmentation) -> np.ndarray:
    return warp(image, augmentation.source_to_crop(), augmentation.visible)


def move(matrix: np.ndarray, *point: float) -> list[float]:
    moved: list[float] = (matrix @ (*point, 1)).tolist()
    return moved


def test_matrices_do_what_resize_flip_and_crop_do() -> None:
    upright = augmentation()
    assert move(upright.scaled_to_crop(), 64, 32) == [0, 0]
    assert move(upright.source_to_crop(), -0.5, -0.5) == pytest.approx([-64.5, -32.5])  # resize keeps the outer edges
    assert move(upright.source_to_crop(), 199.5, 99.5) == pytest.approx([351.5 - 64, 191.5 - 32])
    flipped = augmentation(flip=True)
    assert move(flipped.scaled_to_crop(), 351, 0) == [-64, -32]
    assert move(augmentation(angle_degrees=10.0).scaled_to_crop(), 352 / 2, 192 / 2) == pytest.approx([112, 64])


@pytest.mark.parametrize("corner", [(65, 0), (0, 225), (-1, 0)])
def test_a_crop_outside_the_frame_is_refused(corner: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="the crop leaves the frame"):
        augmentation(corner=corner)


def test_the_picture_is_the_recipes_within_interpolation(scenes: list[Scene]) -> None:
    warp = CropWarper(736)
    for seed in range(9):
        scene = scenes[seed % 3]
        drawn = scene.draw(seed, 736)
        crop = crop_of(warp, scene.image, drawn)
        expected = plain_augmentation.apply_to_image(scene.image, drawn)
        assert crop.shape == (736, 736, 3)
        assert crop.dtype == np.uint8
        assert np.abs(crop.astype(int) - expected).mean() < 4  # grey levels; a shift by one pixel more gives over 5
        assert np.mean((crop.max(2) == 0) != (expected.max(2) == 0)) < 0.01


def test_the_picture_has_the_position_of_the_recipes(scenes: list[Scene]) -> None:
    warp = CropWarper(736)
    for seed in range(4):
        drawn = scenes[0].draw(seed, 736)
        crop = cv2.GaussianBlur(crop_of(warp, scenes[0].image, drawn), (0, 0), 1.5).astype(np.float32)
        expected = cv2.GaussianBlur(plain_augmentation.apply_to_image(scenes[0].image, drawn), (0, 0), 1.5)
        (x, y), _ = cv2.phaseCorrelate(crop.mean(2), expected.astype(np.float32).mean(2))
        assert np.hypot(x, y) < 0.2  # pixels


def test_the_picture_is_as_sharp_as_the_recipes_resize(scenes: list[Scene]) -> None:
    def sharpness(image: np.ndarray) -> float:
        return float(cv2.Laplacian(image[100:400, 100:500].astype(np.float32), -1).var())

    warp, ratios = CropWarper(736), []
    for seed in range(6):
        drawn = scenes[0].draw(seed, 736)
        resized = plain_augmentation.apply_to_image(scenes[0].image, replace(drawn, angle_degrees=0.0))
        ratios.append(sharpness(crop_of(warp, scenes[0].image, drawn)) / sharpness(resized))
    assert np.mean(ratios) == pytest.approx(1, abs=0.15)


def test_scratch_memory_never_shows_an_earlier_picture(scenes: list[Scene]) -> None:
    used, drawn = CropWarper(736), [scenes[0].draw(seed, 736) for seed in range(4)]
    first = crop_of(used, scenes[1].image, drawn[0])
    kept = first.copy()
    small = np.ascontiguousarray(scenes[2].image[:400, :600])
    crop_of(used, small, replace(drawn[1], source_shape=(400, 600)))
    for each in drawn:
        expected = crop_of(CropWarper(736), scenes[0].image, each)
        np.testing.assert_array_equal(crop_of(used, scenes[0].image, each), expected)
    np.testing.assert_array_equal(first, kept)


def test_a_small_image_is_padded_with_black_at_the_right_and_bottom() -> None:
    white = np.full((100, 200, 3), 255, np.uint8)
    small = augmentation(scaled_shape=(64, 96), corner=(0, 0))
    crop = crop_of(CropWarper(128), white, small)
    assert (crop[1:63, 1:95] == 255).all()
    assert not crop[64:].any()
    assert not crop[:, 96:].any()


def test_pixels_rotated_out_of_the_frame_do_not_appear_in_the_padding() -> None:
    white = np.full((100, 200, 3), 255, np.uint8)
    turned = augmentation(scaled_shape=(64, 96), corner=(0, 0), angle_degrees=10.0)
    crop = crop_of(CropWarper(128), white, turned)
    assert not crop[64:].any()
    assert not crop[:, 96:].any()


def test_the_maps_are_the_recipes(scenes: list[Scene]) -> None:
    counts = np.zeros((8, 4))  # both, either, drawn, expected
    for seed in range(15):
        scene = scenes[seed % 3]
        augmentation = scene.draw(seed, 736)
        drawn = scene.labels(augmentation)
        expected = plain_augmentation.apply_to_labels(scene.polygons, scene.ignored, augmentation)
        for bit in range(8):
            maps = (drawn & expected, drawn | expected, drawn, expected)
            counts[bit] += [(each >> bit & 1).sum() for each in maps]
    both, either, drawn_area, expected_area = counts.T
    assert (both / either > 0.93).all()
    np.testing.assert_allclose(drawn_area / expected_area, 1, atol=0.02)


@pytest.mark.parametrize("shape", [(720, 1280), (1280, 720), (100, 90), (31, 2000)])
@pytest.mark.parametrize("crop_size", [64, 320, 736])
def test_any_source_gives_a_crop_within_the_frame(shape: tuple[int, int], crop_size: int) -> None:
    polygon = np.array([(0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0])], np.float64) * 1.1 - 5
    for seed in range(50):
        drawn = draw_augmentation(np.random.default_rng(seed), shape, PolygonBatch.of([polygon]), crop_size)
        assert all(side % 32 == 0 for side in drawn.scaled_shape)
        assert 0.7 * crop_size - 64 < min(drawn.scaled_shape) < 1.45 * crop_size + 32
        assert abs(drawn.angle_degrees) <= 10
        assert abs(drawn.brightness - 1) <= 32 / 255
        assert abs(drawn.saturation - 1) <= 0.5


def test_a_text_aware_crop_starts_at_a_text_in_the_corner(scenes: list[Scene]) -> None:
    corner = [np.array([(20.0, 20.0), (80, 20), (80, 60), (20, 60)])]
    batch = PolygonBatch.of(corner)
    drawn = [draw_augmentation(np.random.default_rng(seed), SHAPE, batch, 320) for seed in range(400)]
    wide = [each for each in drawn if min(each.scaled_shape) > 320]
    at_the_edge = np.mean([each.corner[0] == 0 for each in wide])
    assert at_the_edge > 5 / 8 - 0.1  # the text is in the first 320 rows: the text-aware crop starts there
    assert at_the_edge < 0.85


def test_only_text_within_the_frame_influences_the_crop() -> None:
    def extent(*polygons: list[tuple[int, int]]) -> object:
        return _text_extent(PolygonBatch.of([np.array(polygon) for polygon in polygons]), (100, 200))

    cut = [(-50, 20), (50, 80), (-50, 80)]  # enters the frame in row 50
    outside = [(210, -40), (260, -40), (260, 10)]
    assert extent(cut) == ((50, 0), (80, 50))
    assert extent(cut, outside) == extent(cut)
    assert extent([(10, 20), (30, 20), (30, 25)], cut) == ((20, 0), (80, 50))
    assert extent(outside) is None
    assert extent() is None


def kolmogorov_smirnov(first: list[float], second: list[float]) -> float:
    """The largest difference between the two samples' cumulative shares."""
    values = np.sort(np.concatenate((first, second)))
    shares = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def assert_same_distribution(fast: list[dict[str, float]], plain: list[dict[str, float]]) -> None:
    limit = LEVEL_OF_CHANCE * np.sqrt(2 / len(fast))
    distances = {key: kolmogorov_smirnov([d[key] for d in fast], [d[key] for d in plain]) for key in fast[0]}
    assert all(distance < limit for distance in distances.values()), (limit, distances)


def compare(
    scene: Scene, crop_size: int, draws: int, describe: Callable[[Augmentation, bool], dict[str, float]]
) -> None:
    rng = random.Random(0)
    plain = [plain_augmentation.draw(rng, SHAPE, scene.polygons, crop_size) for _ in range(draws)]
    fast = [scene.draw(seed, crop_size) for seed in range(draws)]
    assert_same_distribution([describe(each, True) for each in fast], [describe(each, False) for each in plain])


@pytest.mark.slow
@pytest.mark.parametrize("crop_size", [320, pytest.param(736, marks=pytest.mark.exhaustive)])
def test_random_numbers_are_distributed_as_in_the_recipe(scenes: list[Scene], crop_size: int) -> None:
    def describe(drawn: Augmentation, _: bool) -> dict[str, float]:
        return {
            "scale": drawn.scaled_shape[0] * drawn.scaled_shape[1],
            "aspect": drawn.scaled_shape[0] / drawn.scaled_shape[1],
            "flip": drawn.flip,
            "angle": drawn.angle_degrees,
            "row": drawn.corner[0],
            "column": drawn.corner[1],
            "brightness": drawn.brightness,
            "saturation": drawn.saturation,
            "order": drawn.brightness_first,
        }

    for scene in scenes:
        compare(scene, crop_size, 1500, describe)


@pytest.mark.exhaustive
def test_maps_are_distributed_as_in_the_recipe(scenes: list[Scene]) -> None:
    scene = scenes[0]

    def describe(drawn: Augmentation, is_fast: bool) -> dict[str, float]:
        packed = (
            scene.labels(drawn) if is_fast else plain_augmentation.apply_to_labels(scene.polygons, scene.ignored, drawn)
        )
        areas = {f"bit {bit}": float((packed >> bit & 1).mean()) for bit in range(8)}
        columns = np.flatnonzero((packed & 1).any(0))
        return {**areas, "first text column": float(columns[0]) if len(columns) else -1}

    compare(scene, 320, 1000, describe)
