"""Polygons that no image has, that would take for ever, or that are probably a mistake."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotated_folders import SQUARE, official, paddleocr, texts
from ocr_models.detection.annotation_files import MAX_CROSSING_VERTICES, MAX_VERTICES
from ocr_models.detection.icdar_line import MAX_COORDINATE
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.psenet.dataset import PSENetDataset
from pictures import write_image

LIMIT_SECONDS = 8.0
Z_ORDER = "10,10,60,10,10,40,60,40"  # the corners line by line, not around the text


def circle(points: int) -> NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([360 + 300 * np.cos(angles), 360 + 300 * np.sin(angles)], axis=1)


def star(points: int) -> NDArray[np.float64]:
    """Every edge crosses almost every other."""
    return circle(points)[np.arange(points) * (points // 2 - 1) % points]


def comb(points: int) -> NDArray[np.float64]:
    x = np.arange(points) * 700 / points
    teeth = np.stack([x, np.where(np.arange(points) % 2, 10, 700)], axis=1)
    return np.vstack([teeth, [(705, 0), (-5, 0)]])


@pytest.mark.parametrize(
    ("polygon", "message"),
    [
        (circle(20_000), "too many coordinates: 20000 points"),
        (comb(20_000), "too many coordinates"),
        (circle(60_000), "too many coordinates: 60000 points"),
        (circle(MAX_VERTICES + 1), f"too many coordinates: {MAX_VERTICES + 1} points"),
        (star(MAX_VERTICES - 1), "crosses or touches itself"),
        (star(101), "crosses or touches itself"),
    ],
    ids=["circle", "comb", "huge", "limit", "star", "small star"],
)
def test_a_polygon_that_would_take_too_long_is_refused(
    tmp_path: Path, polygon: NDArray[np.float64], message: str
) -> None:
    write_image(tmp_path / "a.jpg")
    root = paddleocr(tmp_path, ["a.jpg\t" + texts(("a", polygon.tolist()))])
    begun = time.monotonic()
    with pytest.raises(DataError, match=rf"label\.txt:1: .*{message}"):
        read_annotated_set(root)
    assert time.monotonic() - begun < LIMIT_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize(
    "polygon",
    [circle(MAX_VERTICES), comb(MAX_VERTICES - 2), star(MAX_CROSSING_VERTICES - 1), circle(4)[[0, 2, 1, 3]] * 1000],
    ids=["circle", "comb", "star", "huge Z"],
)
def test_the_worst_page_that_is_read_is_drawn_in_bounded_time(tmp_path: Path, polygon: NDArray[np.float64]) -> None:
    write_image(tmp_path / "a.jpg", 720, 720)
    root = paddleocr(tmp_path, ["a.jpg\t" + texts(*[("a", polygon.tolist())] * 40)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = read_annotated_set(root).images
    begun = time.monotonic()
    PSENetDataset(images, image_size=320, seed=0)[0, 0]
    assert time.monotonic() - begun < LIMIT_SECONDS


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (360, 640)])
@pytest.mark.parametrize("far", [2e4, MAX_COORDINATE])
def test_a_text_far_beyond_the_image_is_drawn_right(tmp_path: Path, size: tuple[int, int], far: float) -> None:
    """It covers the whole image. Before, its corners wrapped around, or filling it took minutes."""
    path = write_image(tmp_path / "a.png", *size)
    huge = np.array([(-far, -far), (far, -far), (far, far), (-far, far)])
    frame = np.array([(-300.0, -300), (900, -300), (900, 900), (-300, 900)])
    begun = time.monotonic()
    for ignored in (False, True):
        maps = []
        for corners in (huge, frame):
            image = AnnotatedImage(path, (corners,), np.array([ignored]), ("a",))
            dataset = PSENetDataset([image], image_size=64, seed=0)
            maps.append(np.stack([np.asarray(dataset[0, position][1]) for position in range(4)]))
        assert (maps[0] & 1).all()
        np.testing.assert_array_equal(maps[0] & 0x81, maps[1] & 0x81)
    assert time.monotonic() - begun < LIMIT_SECONDS


def test_a_text_that_crosses_the_image_keeps_its_edges(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", 360, 640)
    maps = []
    for far in (5_000.0, 500_000.0):  # a stripe of 20 pixels: not cut, and cut
        stripe = np.array([(-far, 170), (far, 170), (far, 190), (-far, 190)])
        image = AnnotatedImage(path, (stripe,), np.array([True]), ("a",))
        dataset = PSENetDataset([image], image_size=320, seed=0)
        maps.append(np.stack([np.asarray(dataset[0, position][1]) for position in range(6)]))
    differences = (maps[0] ^ maps[1]) & 0x81  # kernels may differ by a pixel: how far they shrink depends on the area
    assert 0.02 < (maps[0] & 1).mean() < 0.2
    assert (differences != 0).mean() < 0.003  # OpenCV draws outlines between whole pixels: edges move by half a pixel


def test_polygons_that_cross_themselves_are_named_with_file_and_line(tmp_path: Path) -> None:
    slanted = "10,10,60,10,20,40,60,40"  # crosses, but has an area
    lines = {
        "img_1": f"{SQUARE},a\r\n",
        "img_2": f"{SQUARE},a\r\n{Z_ORDER},b\r\n{slanted},c\r\n",
        "img_10": f"{Z_ORDER},###\r\n10,10,60,10,60,10,10,10,flat\r\n",
    }
    with pytest.warns(UserWarning, match="treated as ignored") as caught:
        found = read_annotated_set(official(tmp_path, lines))
    flat, crossing = found.remarks
    assert flat == "1 polygons without area are treated as ignored, the first: gt_img_10.txt:2"
    assert crossing.startswith(
        "3 polygons cross or touch themselves (are their corners in order?), 2 of them without area"
    )
    assert crossing.endswith("the first: gt_img_2.txt:2")
    assert [str(each.message) for each in caught] == [f"{tmp_path}: {remark}" for remark in found.remarks]
    assert found.images[1].ignored.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "polygon",
    [
        [[10, 10], [60, 10], [60, 40], [10, 40], [10, 10]],  # closed: the first point again
        [[10, 10], [60, 10], [60, 10], [10, 40]],  # a corner twice
        [[10, 40], [60, 40], [60, 10], [10, 10]],  # the other way round
        [[10, 10], [60, 10], [35, 20], [10, 40]],  # concave
        [[10, 10], [35, 10], [60, 10], [60, 40], [10, 40]],  # a corner on an edge
    ],
)
def test_other_polygons_are_not_remarked(tmp_path: Path, polygon: list[list[int]]) -> None:
    write_image(tmp_path / "a.jpg")
    found = read_annotated_set(paddleocr(tmp_path, ["a.jpg\t" + texts(("a", polygon))]))
    assert (found.remarks, found.images[0].ignored.tolist()) == ((), [False])


def test_the_remark_names_the_line_of_a_label_file(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / name)
    z_order = [[10, 10], [60, 10], [10, 40], [60, 44]]
    with pytest.warns(UserWarning, match=r"1 polygons cross .* the first: train_icdar2015_label\.txt:2"):
        read_annotated_set(paddleocr(tmp_path, ["a.jpg\t[]", "b.jpg\t" + texts(("a", z_order))]))
