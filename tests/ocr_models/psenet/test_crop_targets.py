"""Labels drawn directly in the crop, against the same labels drawn on the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_models.detection.polygons import PolygonBatch
from ocr_models.psenet import crop_targets
from ocr_models.psenet.augmentation import Augmentation
from ocr_models.psenet.crop_targets import draw_crop_targets
from ocr_models.psenet.targets import KERNEL_RATES, draw_targets, shrink_distances, shrink_polygon
from packing import pack_targets

PLAIN = Augmentation(
    source_shape=(320, 320),
    scaled_shape=(320, 320),
    flip=False,
    angle_degrees=0.0,
    corner=(0, 0),
    crop_size=320,
    brightness=1.0,
    saturation=1.0,
    brightness_first=True,
)


def augmentation(**changes: Any) -> Augmentation:
    return replace(PLAIN, **changes)


QUADRILATERALS = [
    np.array([(40, 50), (200, 40), (205, 90), (42, 100)]),
    np.array([(150, 70), (310, 75), (300, 130), (140, 120)]),  # overlaps the first
    np.array([(10, 140), (130, 140), (130, 144), (10, 144)]),
    np.array([(60, 220), (200, 180), (215, 230), (75, 270)]),
    np.array([(250, 250), (250, 250), (250, 250), (250, 250)]),
    np.array([(260, 180), (300, 200), (330, 260), (300, 330), (250, 300)]),  # five corners, over the edge
    np.array([(-30, 300), (40, 280), (60, 330), (-20, 360)]),
]
IGNORED = np.array([False, True, True, False, True, False, True])


def test_without_change_the_maps_are_those_of_the_whole_image() -> None:
    expected = pack_targets(*draw_targets(QUADRILATERALS, IGNORED, (320, 320)))
    drawn = draw_crop_targets(PolygonBatch.of(QUADRILATERALS), IGNORED, augmentation())
    outer = 0b1000_0001
    np.testing.assert_array_equal(drawn & outer, expected & outer)
    for bit in range(1, 7):
        both, either = (drawn & expected) >> bit & 1, (drawn | expected) >> bit & 1
        assert both.sum() / either.sum() > 0.95


def test_a_kernel_that_would_vanish_is_the_text_and_the_larger_ones_are_unchanged() -> None:
    thin = np.array([(10, 140), (130, 140), (130, 144), (10, 144)])  # only its smallest kernel would vanish
    expected = pack_targets(*draw_targets([thin], np.array([False]), (320, 320)))
    assert {int(value) for value in np.unique(expected)} == {0x80, 0x80 | 0b1000011, 0xFF}
    np.testing.assert_array_equal(
        draw_crop_targets(PolygonBatch.of([thin]), np.array([False]), augmentation()), expected
    )


def test_flip_and_corner_move_the_maps_by_whole_pixels() -> None:
    rectangles = [np.array([(x, y), (x + 90, y), (x + 90, y + 40), (x, y + 40)]) for x, y in ((30, 50), (90, 75))]
    ignored = np.array([True, False])
    expected = pack_targets(*draw_targets(rectangles, ignored, (320, 320)))
    moved = augmentation(flip=True, corner=(64, 100), crop_size=128)
    drawn = draw_crop_targets(PolygonBatch.of(rectangles), ignored, moved)
    np.testing.assert_array_equal(drawn, expected[64:192, ::-1][:, 100:228])


def test_outside_the_image_the_mask_is_0() -> None:
    small = augmentation(source_shape=(160, 224), scaled_shape=(160, 224))
    drawn = draw_crop_targets(PolygonBatch.of([]), np.empty(0, bool), small)
    expected = np.zeros((320, 320), np.uint8)
    expected[:160, :224] = 0x80
    np.testing.assert_array_equal(drawn, expected)
    turned = draw_crop_targets(PolygonBatch.of([]), np.empty(0, bool), augmentation(angle_degrees=10.0))
    corners = turned[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()
    triangle = 0.5 * 320**2 * np.tan(np.radians(10)) / (1 + 1 / np.cos(np.radians(10)) + np.tan(np.radians(10))) ** 2
    assert (turned == 0).sum() == pytest.approx(4 * triangle, rel=0.1)


def test_polygons_outside_the_crop_leave_no_mark_and_are_not_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    shrunk: list[np.ndarray] = []
    original = crop_targets._shrink_all

    def shrink_all(polygons: Sequence[np.ndarray]) -> object:
        shrunk.extend(polygons)
        return original(polygons)

    monkeypatch.setattr(crop_targets, "_shrink_all", shrink_all)
    polygons = PolygonBatch.of([QUADRILATERALS[3], QUADRILATERALS[0]])
    drawn = draw_crop_targets(polygons, np.array([True, False]), augmentation(crop_size=128))
    assert len(shrunk) == 1
    np.testing.assert_array_equal(shrunk[0], QUADRILATERALS[0])
    assert (drawn >= 0x80).all()


@st.composite
def quadrilaterals(draw: st.DrawFn) -> np.ndarray:
    height = draw(st.floats(3, 200))
    width = height * draw(st.floats(0.5, 8))
    angle = draw(st.floats(-np.pi, np.pi))
    jitter = np.array(draw(st.lists(st.floats(-0.2, 0.2), min_size=8, max_size=8))).reshape(4, 2) * height
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * (width, height) + jitter
    rotation = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    polygon: np.ndarray = (corners @ rotation.T + 1000).astype(np.int32)
    return polygon if draw(st.booleans()) else polygon[::-1]


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T.astype(float)
    return float(abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())) / 2


def perimeter(polygon: np.ndarray) -> float:
    return float(np.hypot(*(np.roll(polygon, -1, axis=0) - polygon).T).sum())


@settings(max_examples=300, deadline=None)
@given(quadrilaterals())
def test_direct_kernels_are_pyclippers_within_its_rounding(polygon: np.ndarray) -> None:
    distances, kernels, plain = (parts[0] for parts in crop_targets._inset(polygon[None]))
    np.testing.assert_array_equal(distances, shrink_distances(polygon))
    for level, rate in enumerate(KERNEL_RATES):
        if plain[level]:
            expected = shrink_polygon(polygon, rate)
            assert distances[level] == 0 or not np.array_equal(expected, polygon)
            # pyclipper rounds twice, each time by at most 0.7 pixels: the outlines lie that close to each other
            assert abs(area(kernels[level]) - area(expected)) <= 1.5 * perimeter(expected) + 4


def test_most_words_need_no_pyclipper() -> None:
    words = np.stack([polygon for polygon in QUADRILATERALS if len(polygon) == 4])
    _, _, plain = crop_targets._inset(words)
    assert plain.all(1).tolist() == [True, True, False, True, False, True]
