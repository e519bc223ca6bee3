"""Logits to text boxes, against a plain implementation that looks at one text at a time."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.components.pages import PAGES
from ocr_models.detection.text_box import TextBox
from ocr_models.psenet.expansion import expand_kernels
from ocr_models.psenet.postprocessing import detect

SURE = 4.0  # a probability of 0.982


def logits_of(mask: NDArray[np.generic], kernel: NDArray[np.generic] | None = None) -> NDArray[np.float32]:
    """All seven maps alike, or the six kernels smaller than the text map."""
    maps = np.repeat(np.asarray(mask, np.float32)[None], 7, axis=0)
    if kernel is not None:
        maps[1:] = kernel
    return 2 * SURE * maps - SURE


def block(size: tuple[int, int], rows: slice, columns: slice) -> NDArray[np.bool_]:
    mask = np.zeros(size, bool)
    mask[rows, columns] = True
    return mask


def corners(box: TextBox) -> list[list[float]]:
    return sorted(np.round(box.polygon, 3).tolist())


def plain_boxes(logits: NDArray[np.float32]) -> list[tuple[NDArray[Any], float]]:
    """Rectangles and scores of the recipe, by a scan of the whole page for each text."""
    kernels = (logits > 0) & (logits[:1] > 0)
    labels = expand_kernels(kernels, 16)
    boxes = []
    for label in range(1, labels.max() + 1):
        is_text = labels == label
        if is_text.sum() < 16:
            continue
        score = float((1 / (1 + np.exp(-logits[0][is_text].astype(np.float64)))).mean())
        if score >= 0.85:
            points = np.argwhere(is_text)[:, ::-1].astype(np.float32)
            boxes.append((cv2.boxPoints(cv2.minAreaRect(points)), score))
    return boxes


def test_a_rectangle_is_found_in_pixels_of_the_original_image() -> None:
    (box,) = detect(logits_of(block((64, 96), slice(10, 21), slice(20, 51))), (128, 480))
    assert corners(box) == [[100, 20], [100, 40], [250, 20], [250, 40]]
    assert box.score == pytest.approx(1 / (1 + np.exp(-SURE)), abs=1e-6)


def test_boxes_and_scores_are_those_of_a_plain_scan() -> None:
    logits = PAGES["sparse"].logits()
    logits[0] -= np.linspace(0, 4.5, logits.shape[2], dtype=np.float32)  # texts to the right score too little
    expected = plain_boxes(logits)
    found = detect(logits, logits.shape[1:])
    assert 3 < len(expected) < 12
    assert len(found) == len(expected)
    for box, (rectangle, score) in zip(found, expected, strict=True):
        assert box.score == pytest.approx(score, abs=1e-6)
        np.testing.assert_allclose(corners(box), sorted(rectangle.tolist()), atol=2e-2)


def test_two_texts_that_touch_in_the_text_map_stay_two() -> None:
    text = block((32, 80), slice(8, 24), slice(8, 72))
    kernel = block((32, 80), slice(12, 20), slice(12, 34)) | block((32, 80), slice(12, 20), slice(46, 68))
    left, right = detect(logits_of(text, kernel), (32, 80))
    assert left.polygon[:, 0].max() < right.polygon[:, 0].min()
    assert (left.polygon[:, 0].min(), right.polygon[:, 0].max()) == (8, 71)


def test_kernels_count_only_inside_the_text_map() -> None:
    kernel = block((32, 32), slice(4, 28), slice(4, 28))
    text = block((32, 32), slice(4, 12), slice(4, 28))
    (box,) = detect(logits_of(text, kernel), (32, 32))
    assert corners(box) == [[4, 4], [4, 11], [27, 4], [27, 11]]


@pytest.mark.parametrize(("min_score", "count"), [(0.97, 1), (0.99, 0)])
def test_an_unsure_text_is_dropped(min_score: float, count: int) -> None:
    logits = logits_of(block((32, 32), slice(4, 28), slice(4, 28)))
    assert len(detect(logits, (32, 32), min_score=min_score)) == count


@pytest.mark.parametrize(("min_area", "count"), [(15, 1), (16, 0), (0, 1)])
def test_a_small_text_is_dropped(min_area: int, count: int) -> None:
    logits = logits_of(block((32, 32), slice(4, 7), slice(4, 9)))
    assert len(detect(logits, (32, 32), min_area=min_area)) == count


def test_a_polygon_follows_a_bent_text() -> None:
    mask = block((40, 40), slice(5, 35), slice(5, 12)) | block((40, 40), slice(28, 35), slice(5, 35))
    (box,) = detect(logits_of(mask), (80, 40), shape="polygon")
    # At the inner bend the outline cuts the corner by one pixel, as pixels that touch at a corner are neighbours.
    outline = sorted([[5, 10], [11, 10], [11, 54], [12, 56], [34, 56], [34, 68], [5, 68]])
    assert corners(box) == outline


def test_a_line_one_pixel_wide_has_a_box_without_width() -> None:
    logits = logits_of(block((32, 64), slice(9, 10), slice(10, 40)))
    for shape in ("rectangle", "polygon"):
        (box,) = detect(logits, (32, 64), shape=shape)
        assert box.polygon.shape == (4, 2)
        assert sorted({(x, y) for x, y in box.polygon.tolist()}) == [(10, 9), (39, 9)]


def test_an_empty_map_has_no_boxes() -> None:
    assert detect(np.full((7, 37, 53), -SURE, np.float32), (37, 53)) == []


@pytest.mark.parametrize("shape", ["rectangle", "polygon"])
def test_one_text_can_fill_the_page(shape: Any) -> None:
    (box,) = detect(np.full((7, 37, 53), SURE, np.float32), (37, 53), shape=shape)
    assert corners(box) == [[0, 0], [0, 36], [52, 0], [52, 36]]


def test_a_single_pixel_can_be_a_text() -> None:
    (box,) = detect(logits_of(block((37, 53), slice(36, 37), slice(52, 53))), (37, 53), min_area=1)
    assert box.polygon.tolist() == [[52, 36]] * 4


def test_five_thousand_texts_have_five_thousand_boxes() -> None:
    cell = np.zeros((8, 9), bool)
    cell[1:6, 1:7] = True
    boxes = detect(logits_of(np.tile(cell, (50, 100))), (400, 900))
    assert len(boxes) == 5000
    assert corners(boxes[4999]) == [[892, 393], [892, 397], [897, 393], [897, 397]]


def test_coarse_logits_are_upsampled_as_the_network_is_trained() -> None:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.nn.functional.interpolate(torch.randn(1, 7, 6, 9, generator=generator), scale_factor=4) + 1
    fine = torch.nn.functional.interpolate(coarse, size=(95, 141), mode="bilinear", align_corners=False)
    found = detect(coarse[0], (380, 564), image_size=(95, 141), min_area=1, min_score=0)
    expected = detect(fine[0], (380, 564), min_area=1, min_score=0)
    assert len(found) > 1
    for box, same in zip(found, expected, strict=True):
        np.testing.assert_allclose(box.polygon, same.polygon)
        assert box.score == pytest.approx(same.score, abs=1e-5)


def test_tensors_of_any_kind_give_the_same_boxes() -> None:
    logits = logits_of(block((64, 96), slice(10, 21), slice(20, 51)))
    (expected,) = detect(logits, (64, 96))
    for same in (torch.from_numpy(logits).bfloat16(), torch.from_numpy(logits).requires_grad_(), logits.tolist()):
        (box,) = detect(same, (64, 96))
        np.testing.assert_array_equal(box.polygon, expected.polygon)


def test_the_logits_are_left_as_they_are() -> None:
    logits = logits_of(block((32, 32), slice(4, 12), slice(4, 28)), block((32, 32), slice(4, 28), slice(4, 28)))
    before = logits.copy()
    detect(logits, (32, 32))
    np.testing.assert_array_equal(logits, before)


def test_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"logits must have the shape \(K, h, w\), those of one image"):
        detect(np.zeros((1, 7, 32, 32), np.float32), (32, 32))


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="shape must be rectangle or polygon, not 'circle'"):
        detect(np.zeros((7, 32, 32), np.float32), (32, 32), shape="circle")  # type: ignore[arg-type]
