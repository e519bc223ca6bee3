"""Label maps from first principles."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_models.db.targets import draw_targets, edge_distances, text_outlines
from ocr_models.detection.polygons import PolygonBatch

RECTANGLE = np.array([(100.0, 200), (200, 200), (200, 240), (100, 240)])  # 100 x 40: area 4000, perimeter 280
DISTANCE = 4000 / 280 * (1 - 0.4**2)  # 12.0
LEARNED = np.array([False])


def test_the_maps_of_a_rectangle() -> None:
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets([RECTANGLE], LEARNED, (300, 320))
    shrunk = np.zeros((300, 320), bool)
    shrunk[212:229, 112:189] = True
    np.testing.assert_array_equal(shrink_map, shrunk)
    assert shrink_mask.all()
    assert threshold_mask[188:253, 150].all()
    assert threshold_mask[:, 150].sum() == 65
    assert not threshold_mask[189, 89]  # the corners are round
    assert threshold_map[200, 100:201].tolist() == [np.float32(0.7)] * 101
    column = 0.7 - 0.4 * np.minimum(abs(np.arange(180, 221) - 200) / DISTANCE, 1)
    np.testing.assert_allclose(threshold_map[180:221, 150], column, atol=1e-6)
    assert [each.dtype for each in (shrink_map, shrink_mask, threshold_map, threshold_mask)] == [
        *("uint8", "uint8", "float32", "uint8")
    ]


def test_beyond_the_circle_of_an_edge_the_distance_is_that_to_the_nearer_end() -> None:
    flat = np.array([(0.0, 0), (10, 0), (5, 0.001)])
    distances = edge_distances(flat, np.array([-3, 1, 5]), np.array([0, 4, 5]))
    assert distances[0] == pytest.approx([3, 0, 0], abs=2e-3)
    assert distances[1, 1] == pytest.approx(np.hypot(1, 4), abs=2e-3)  # 4 from the segment
    assert distances[2, 2] == pytest.approx(5, abs=2e-3)


def test_distances_at_the_corners_are_zero_and_never_nan() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        quad = rng.integers(0, 60, (4, 2)).astype(np.float64)
        distances = edge_distances(quad, np.arange(60), np.arange(60))
        assert np.isfinite(distances).all()
        x, y = quad.astype(int).T
        assert not distances[y, x].any()


def test_an_ignored_text_is_removed_from_the_shrink_mask_only() -> None:
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets([RECTANGLE], np.array([True]), (300, 320))
    inside = np.zeros((300, 320), bool)
    inside[200:241, 100:201] = True
    np.testing.assert_array_equal(shrink_mask == 0, inside)
    assert not shrink_map.any()
    assert not threshold_mask.any()
    assert (threshold_map == np.float32(0.3)).all()


@pytest.mark.parametrize("height", [7.9, 8.0])
def test_a_text_of_less_than_eight_pixels_is_not_learned_but_has_a_threshold(height: float) -> None:
    low = np.array([(10, 10), (60, 10), (60, 10 + height), (10, 10 + height)])
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets([low], LEARNED, (64, 96))
    assert shrink_map.any() == (height == 8)
    assert shrink_mask.all() == (height == 8)
    assert threshold_mask.any()
    assert threshold_map.max() == np.float32(0.7)


def test_the_size_of_a_text_is_that_of_its_part_in_the_map_but_its_threshold_that_of_the_whole() -> None:
    cut = np.array([(-93.0, 20), (7, 20), (7, 60), (-93, 60)])  # 7 of 100 columns are in the map
    outlines = text_outlines(PolygonBatch.of([cut]), LEARNED, (100, 100))
    assert len(outlines[0].shrunk) == 0
    assert outlines[0].distance == pytest.approx(DISTANCE)
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets([cut], LEARNED, (100, 100))
    assert not shrink_map.any()
    assert not shrink_mask[20:61, :8].any()
    assert threshold_map[40, 18] > 0.3  # 11 pixels beyond the edge
    assert threshold_mask[40].tolist() == [1] * 20 + [0] * 80


def test_a_text_that_is_much_larger_than_the_map_fills_its_mask() -> None:
    large = np.array([(-9000.0, -9000), (9000, -9000), (9000, 9000), (-9000, 9000)])
    _, _, threshold_map, threshold_mask = draw_targets([large], LEARNED, (64, 96))
    assert threshold_mask.all()
    assert (threshold_map == np.float32(0.3)).all()  # its edges are far away


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param([(10, 10), (60, 10), (10, 60), (60, 60)], id="two triangles whose areas cancel"),
        pytest.param([(10, 10), (60, 60), (62, 60), (12, 10)], id="a slanted line that shrinks to nothing"),
    ],
)
def test_a_text_of_which_nothing_is_left_is_not_learned(corners: list[tuple[int, int]]) -> None:
    shrink_map, shrink_mask, _, _ = draw_targets([np.array(corners, np.float64)], LEARNED, (100, 100))
    assert not shrink_map.any()
    assert shrink_mask[10, 11] == shrink_mask[60, 60] == 0
    assert shrink_mask[80, 80] == 1


def test_of_two_borders_the_closer_one_counts_and_later_texts_erase_nothing() -> None:
    one, other = RECTANGLE, RECTANGLE + np.array([60, 10])
    both = draw_targets([one, other], np.array([False, True]), (300, 320))
    alone = [draw_targets([each], np.array([flag]), (300, 320)) for each, flag in ((one, False), (other, True))]
    np.testing.assert_array_equal(both[0], alone[0][0])
    np.testing.assert_array_equal(both[1], alone[1][1])
    joined = draw_targets([one, other], np.array([False, False]), (300, 320))
    learned = draw_targets([other], LEARNED, (300, 320))
    np.testing.assert_array_equal(joined[2], np.maximum(alone[0][2], learned[2]))
    np.testing.assert_array_equal(joined[3], alone[0][3] | learned[3])


@pytest.mark.parametrize(
    "polygon",
    [
        [(5, 5)] * 4,
        [(0, 0), (50, 50), (0, 0), (50, 50)],
        [(10, 10), (10, 10), (60, 10), (60, 50)],
        [(-500, -500), (-300, -500), (-300, -400), (-500, -400)],
        [(3e9, 10), (3e9 + 100, 10), (3e9 + 100, 50), (3e9, 50)],
        [(1e12, 0), (3e12, 5e11), (-1e12, 9e12), (-1e15, -1e13)],
        [(1e300, 1e300)] * 4,
        [(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)],
    ],
)
def test_no_polygon_is_an_error(polygon: list[tuple[float, float]]) -> None:
    for ignored in (False, True):
        maps = draw_targets([np.array(polygon, np.float64)], np.array([ignored]), (64, 96))
        assert all(each.shape == (64, 96) for each in maps)
        assert maps[2].min() >= np.float32(0.3)
        assert maps[2].max() <= np.float32(0.7)


@pytest.mark.parametrize("corners", range(3, 15))
def test_polygons_have_any_number_of_vertices(corners: int) -> None:
    angles = np.arange(corners) * 2 * np.pi / corners
    round_text = np.stack((80 + 60 * np.cos(angles), 70 + 50 * np.sin(angles)), axis=1)
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets([round_text], LEARNED, (140, 160))
    assert shrink_map[70, 80]
    assert shrink_mask.all()
    assert 0 < shrink_map.sum() < threshold_mask.sum()
    assert threshold_map[70, 139] == pytest.approx(0.7, abs=0.03)


def test_no_texts_give_empty_maps() -> None:
    shrink_map, shrink_mask, threshold_map, threshold_mask = draw_targets([], np.empty(0, bool), (32, 64))
    assert not shrink_map.any()
    assert shrink_mask.all()
    assert (threshold_map == np.float32(0.3)).all()
    assert not threshold_mask.any()
