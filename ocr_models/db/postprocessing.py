"""DB's postprocessing: probability map -> text boxes in the original image.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020, section 3.4, with the
thresholds and the rounding of DBNet.pytorch, the implementation that the Paddle speed benchmark runs.

The network predicts texts shrunken. Each contour of the binary map, the contour of a hole too, is a candidate. It is
dropped if it is small or its mean probability is low; else its outline is grown to the size of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ocr_models.db.growing import grow_outline, grow_rectangles

BINARY_THRESHOLD = 0.3
MAX_CONTOURS = 1000
MIN_SIDE = 3  # pixels of the map: shorter side of the rectangle around a contour
MIN_GROWN_SIDE = 5  # and around the grown outline
APPROXIMATION = 0.005  # how far a polygon may be from its contour, as a share of the contour's length


def boxes(
    probability: ArrayLike, original_size: tuple[int, int], box_threshold: float = 0.7
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Find the texts of one image as rectangles.

    Args:
        probability: P, (H, W), computed with as float32. NaN is never text, and an outline around a NaN is dropped.
        original_size: (height, width) of the image before it was scaled for the network.
        box_threshold: texts with a lower score are dropped.

    Returns:
        Corners (K, 4, 2), x and y in whole pixels of the original image, from the upper left one clockwise; and scores
        (K,), the mean probability inside the contour. The order is that of `cv2.findContours`.

    Raises:
        ValueError: if `probability` is not a map, or `original_size` is not a size.
    """
    pixels = _as_map(probability, original_size)
    found, found_scores = [], []
    for contour in _contours(pixels):
        rectangle = cv2.minAreaRect(contour)
        if min(rectangle[1]) < MIN_SIDE:
            continue
        score = _score(pixels, contour)
        if score >= box_threshold:
            found.append(cv2.boxPoints(rectangle))
            found_scores.append(score)
    grown, scores = [], []
    for outline, score in zip(grow_rectangles(_in_order(found)), found_scores, strict=True):
        rectangle = cv2.minAreaRect(outline)
        if min(rectangle[1]) >= MIN_GROWN_SIDE:
            grown.append(cv2.boxPoints(rectangle))
            scores.append(score)
    corners = _in_order(grown)
    return _in_original(corners, pixels.shape, original_size), np.array(scores, np.float64)


def polygons(
    probability: ArrayLike, original_size: tuple[int, int], box_threshold: float = 0.7
) -> tuple[list[NDArray[np.int32]], NDArray[np.float64]]:
    """Find the texts of one image as polygons, for curved text; arguments and errors as of `boxes`.

    Returns:
        K polygons (k, 2), x and y in whole pixels of the original image; and scores (K,), as of `boxes`.
    """
    pixels = _as_map(probability, original_size)
    found, scores = [], []
    for contour in _contours(pixels):
        outline = cv2.approxPolyDP(contour, APPROXIMATION * cv2.arcLength(contour, True), True)[:, 0]  # (k, 2)
        if len(outline) < 4:
            continue
        score = _score(pixels, contour)
        if not score >= box_threshold:  # false for NaN too
            continue
        parts = grow_outline(outline)
        if len(parts) != 1:  # it splits, or it is a line of pixels, which has no area
            continue
        (polygon,) = parts
        if min(cv2.minAreaRect(polygon)[1]) >= MIN_GROWN_SIDE:
            found.append(_in_original(polygon.astype(np.float64), pixels.shape, original_size))
            scores.append(score)
    return found, np.array(scores, np.float64)


def _as_map(probability: ArrayLike, original_size: Sequence[int]) -> NDArray[np.float32]:
    """The map (H, W) as a contiguous array. Raises ValueError if it is no map, or if the size is no size."""
    pixels = np.ascontiguousarray(probability, np.float32)
    if np.ndim(probability) != 2 or not pixels.size:
        raise ValueError(f"probability must have the shape (H, W), both at least 1, not {np.shape(probability)}")
    if len(original_size) != 2 or min(original_size) < 1:
        raise ValueError(f"original_size must be (height, width), both at least 1, not {tuple(original_size)}")
    return pixels


def _contours(pixels: NDArray[np.float32]) -> Sequence[NDArray[np.int32]]:
    """The first contours of the binary map, each (k, 1, 2)."""
    binary = (pixels > BINARY_THRESHOLD).view(np.uint8)
    found: Any = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]  # typed too widely by OpenCV
    contours: Sequence[NDArray[np.int32]] = found[:MAX_CONTOURS]
    return contours


def _score(pixels: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    """The mean of the map inside the filled contour."""
    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour], 1, cv2.LINE_8, 0, (-x, -y))
    mean: float = cv2.mean(pixels[y : y + height, x : x + width], mask)[0]
    return mean


def _in_order(rectangles: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """K rectangles (4, 2) -> (K, 4, 2), the corners of each from the upper left one clockwise.

    These are the upper of the two leftmost, the upper of the two rightmost, the lower right and the lower left one.
    """
    corners = np.array(rectangles, np.float32).reshape(-1, 4, 2)  # K may be 0
    from_left = np.argsort(corners[..., 0], axis=1, kind="stable")  # (K, 4)
    pairs = np.take_along_axis(corners, from_left[..., None], axis=1).reshape(-1, 2, 2, 2)  # (K, side, corner, xy)
    is_upper_second = pairs[:, :, 1, 1] <= pairs[:, :, 0, 1]  # (K, side)
    pairs = np.where(is_upper_second[..., None, None], pairs[:, :, ::-1], pairs)
    ordered: NDArray[np.float32] = pairs[:, [0, 1, 1, 0], [0, 0, 1, 1]]
    return ordered


def _in_original(points: NDArray[Any], map_size: Sequence[int], original_size: Sequence[int]) -> NDArray[np.int32]:
    """(..., 2) in pixels of the map -> pixels of the original image, rounded half to even, in the points' precision."""
    from_size, to_size = (np.array(size[::-1], points.dtype) for size in (map_size, original_size))
    rounded: NDArray[np.int32] = np.rint(points / from_size * to_size).clip(0, to_size).astype(np.int32)
    return rounded
