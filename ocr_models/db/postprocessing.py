"""DB's postprocessing: the probability map -> text boxes in the original image.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020, section 3.4, with the
thresholds and the rounding of the DBNet.pytorch implementation of the Paddle speed benchmark.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pyclipper
from numpy.typing import ArrayLike, NDArray

BINARY_THRESHOLD = 0.3
MAX_CONTOURS = 1000
UNCLIP_RATIO = 1.5
MIN_SIDE = 3  # of the rectangle around a contour, in pixels of the map
MIN_GROWN_SIDE = 5


def boxes(
    probability: ArrayLike, original_size: tuple[int, int], box_threshold: float = 0.7
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """(H, W) -> boxes (K, 4, 2), scores (K,)."""
    pixels = np.ascontiguousarray(probability, np.float32)
    found, scores = [], []
    for contour in contours(pixels):
        rectangle = cv2.minAreaRect(contour)
        if min(rectangle[1]) < MIN_SIDE:
            continue
        score = contour_score(pixels, contour)
        if score < box_threshold:
            continue
        paths = grown(cv2.boxPoints(rectangle))
        rectangle = cv2.minAreaRect(np.array(paths[0], np.int32))
        if min(rectangle[1]) < MIN_GROWN_SIDE:
            continue
        found.append(ordered(cv2.boxPoints(rectangle)))
        scores.append(score)
    corners = np.array(found, np.float32).reshape(-1, 4, 2)
    return scaled(corners, pixels.shape, original_size), np.array(scores, np.float64)


def polygons(
    probability: ArrayLike, original_size: tuple[int, int], box_threshold: float = 0.7
) -> tuple[list[NDArray[np.int32]], NDArray[np.float64]]:
    """(H, W) -> polygons, each (k, 2), and scores (K,)."""
    pixels = np.ascontiguousarray(probability, np.float32)
    found, scores = [], []
    for contour in contours(pixels):
        outline = cv2.approxPolyDP(contour, 0.005 * cv2.arcLength(contour, True), True)[:, 0]
        if len(outline) < 4:
            continue
        score = contour_score(pixels, contour)
        if score < box_threshold:
            continue
        paths = grown(outline)
        if len(paths) != 1:
            continue
        path = np.array(paths[0], np.int32)
        if min(cv2.minAreaRect(path)[1]) < MIN_GROWN_SIDE:
            continue
        found.append(scaled(path.astype(np.float64), pixels.shape, original_size))
        scores.append(score)
    return found, np.array(scores, np.float64)


def contours(pixels: NDArray[np.float32]) -> Any:
    binary = cv2.compare(pixels, BINARY_THRESHOLD, cv2.CMP_GT)
    return cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0][:MAX_CONTOURS]


def contour_score(pixels: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour], 1, offset=(-x, -y))
    return float(cv2.mean(pixels[y : y + height, x : x + width], mask)[0])


def grown(outline: NDArray[Any]) -> Any:
    x, y = outline.astype(np.float64).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    length = np.hypot(next_x - x, next_y - y).sum()
    distance = abs((x * next_y - y * next_x).sum()) / 2 * UNCLIP_RATIO / length
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(outline.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return offset.Execute(distance)


def ordered(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    points = sorted(corners.tolist(), key=lambda point: point[0])
    left, right = points[:2], points[2:]
    if not left[1][1] > left[0][1]:
        left.reverse()
    if not right[1][1] > right[0][1]:
        right.reverse()
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def scaled(points: NDArray[Any], size: Any, original_size: tuple[int, int]) -> NDArray[np.int32]:
    limit = np.array(original_size[::-1], points.dtype)
    return np.clip(np.rint(points / np.array(size[::-1], points.dtype) * limit), 0, limit).astype(np.int32)
