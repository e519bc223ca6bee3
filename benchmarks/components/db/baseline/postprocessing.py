"""Probability map to boxes, as a first version would be written: contour by contour, with numpy and shapely."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pyclipper
import shapely
from numpy.typing import NDArray


def baseline_boxes(
    probability: NDArray[np.float32], original_size: tuple[int, int], box_threshold: float = 0.7
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """P (H, W) -> corners (K, 4, 2) in pixels of the original image, whose size is (height, width), and scores (K,)."""
    binary = np.where(probability > 0.3, 255, 0).astype(np.uint8)
    contours, _ = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes, scores = [], []
    for contour in contours[:1000]:
        corners, short_side = _least_rectangle(contour[:, 0])
        if short_side < 3:
            continue
        score = _score(probability, contour[:, 0])
        if score < box_threshold:
            continue
        corners, short_side = _least_rectangle(_grown(corners))
        if short_side < 5:
            continue
        for axis, (side, original_side) in enumerate(zip(probability.shape[::-1], original_size[::-1], strict=True)):
            corners[:, axis] = np.clip(np.round(corners[:, axis] / side * original_side), 0, original_side)
        boxes.append(corners.astype(np.int32))
        scores.append(score)
    return np.array(boxes, np.int32).reshape(-1, 4, 2), np.array(scores, np.float64)


def _least_rectangle(points: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Points (k, 2) -> corners of the least rectangle, from the upper left one clockwise; and its short side."""
    rectangle = cv2.minAreaRect(points)
    by_x = sorted(cv2.boxPoints(rectangle), key=lambda corner: float(corner[0]))
    upper_left, lower_left = sorted(by_x[:2], key=lambda corner: float(corner[1]))
    upper_right, lower_right = sorted(by_x[2:], key=lambda corner: float(corner[1]))
    return np.array([upper_left, upper_right, lower_right, lower_left], np.float32), min(rectangle[1])


def _score(probability: NDArray[np.float32], contour: NDArray[Any]) -> float:
    """The mean of the map over the filled contour (k, 2)."""
    (left, top), (right, bottom) = contour.min(axis=0), contour.max(axis=0)
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [contour - (left, top)], 1)
    inside = probability[top : bottom + 1, left : right + 1][mask == 1]
    return float(inside.mean(dtype=np.float64))


def _grown(corners: NDArray[np.float32]) -> NDArray[np.int32]:
    """Corners (4, 2), truncated to int -> outline (k, 2), 1.5 times area / perimeter further out."""
    polygon = shapely.Polygon(corners)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(corners, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return np.array(offset.Execute(polygon.area * 1.5 / polygon.length)[0], np.int32)
