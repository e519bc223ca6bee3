"""Label maps of DB: the shrunk texts, the borders of texts for the thresholds, and a mask for each.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020, section "Label
generation", with the rounding of the usual implementations. Pixel (x, y) is the sample at x, y. `crop_targets` draws
the same labels faster and packs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.db.offsets import offset_distances, offset_polygon
from ocr_models.detection.polygons import clip_polygon, signed_areas

MIN_SIDE = 8
"""Pixels. A text whose bounding box is narrower or lower is not learned."""

MIN_AREA = 1  # square pixels
LOW_THRESHOLD, HIGH_THRESHOLD = 0.3, 0.7

FAR = 2**12
"""Pixels around the map at which an outline is cut before it is filled: the time to fill a polygon grows with its
extent, also outside the map."""

FARTHEST = (
    2**24
)  # pixels: vertices beyond are moved there, so that no integer overflows and no corner has a million points


def draw_targets(
    polygons: Sequence[NDArray[np.generic]], ignored: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Draw the label maps of one image.

    Args:
        polygons: n arrays (k, 2), k >= 3, in pixels of the maps; they may leave the maps. Polygons without area give no
            threshold and are removed from the shrink mask.
        ignored: (n,) bool: texts that are not learned.
        size: (H, W).

    Returns:
        shrink_map (H, W) uint8: 1 inside the shrunk texts.
        shrink_mask (H, W) uint8: 0 inside texts that are ignored or too small, else 1.
        threshold_map (H, W) float32: 0.7 on the outline of a text, falling to 0.3 at the distance by which texts shrink.
        threshold_mask (H, W) uint8: 1 inside the texts grown by that distance.
    """
    shrink_map, shrink_mask, _ = draw_shrink_targets(polygons, ignored, size)
    return shrink_map, shrink_mask, *draw_threshold_targets(polygons, ignored, size)


def draw_shrink_targets(
    polygons: Sequence[NDArray[np.generic]], ignored: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """shrink_map and shrink_mask of `draw_targets`, and the texts that are not learned (n,): ignored or too small."""
    shrink_map, shrink_mask = np.zeros(size, np.uint8), np.ones(size, np.uint8)
    not_learned = np.array(ignored, bool)
    last_pixel = np.array(size[::-1]) - 1
    for index, polygon in enumerate(polygons):
        clipped = np.asarray(polygon, np.float64).clip(0, last_pixel)  # (k, 2), each vertex by itself
        shrunk = np.empty((0, 2), int)
        if not not_learned[index] and not is_too_small(clipped):
            shrunk = offset_polygon(clipped, -float(offset_distances(clipped[None])[0]))
        not_learned[index] = not len(shrunk)
        fill(*((shrink_map, shrunk, 1) if len(shrunk) else (shrink_mask, clipped, 0)))
    return shrink_map, shrink_mask, not_learned


def draw_threshold_targets(
    polygons: Sequence[NDArray[np.generic]], ignored: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """threshold_map and threshold_mask of `draw_targets`."""
    closeness, mask = np.zeros(size), np.zeros(size, np.uint8)
    for polygon, is_ignored in zip(polygons, ignored, strict=True):
        vertices = np.asarray(polygon, np.float64).clip(-FARTHEST, FARTHEST)
        distance = float(offset_distances(vertices[None])[0])
        if is_ignored or distance == 0:
            continue
        grown = offset_polygon(vertices, distance)
        if not len(grown):
            continue
        fill(mask, grown, 1)
        left, top = grown.min(0).clip(0)
        right, bottom = np.minimum(grown.max(0) + 1, size[::-1])
        if left < right and top < bottom:
            own = 1 - np.minimum(edge_distances(vertices, left, top, right, bottom) / distance, 1)
            part = closeness[top:bottom, left:right]
            np.maximum(part, own, out=part)
    threshold_map = LOW_THRESHOLD + (HIGH_THRESHOLD - LOW_THRESHOLD) * closeness
    return threshold_map.astype(np.float32), mask


def is_too_small(polygon: NDArray[np.float64]) -> bool:
    """Whether a polygon (k, 2), clipped to the map, is too small to be learned."""
    return bool(np.ptp(polygon, axis=0).min() < MIN_SIDE or abs(signed_areas(polygon[None])[0]) < MIN_AREA)


def edge_distances(vertices: NDArray[np.float64], left: int, top: int, right: int, bottom: int) -> NDArray[np.float64]:
    """Distances of the pixels left <= x < right, top <= y < bottom to the nearest edge of a polygon (k, 2).

    The distance to an edge is perpendicular inside the circle that has the edge as its diameter, else that to the
    nearer end. (The distance to a segment would be perpendicular in the whole strip beside it.)

    Returns:
        (bottom - top, right - left) pixels.
    """
    x, y = np.arange(left, right), np.arange(top, bottom)[:, None]
    least = np.full((bottom - top, right - left), np.inf)
    for (ax, ay), (bx, by) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        from_a, from_b = (x - ax, y - ay), (x - bx, y - by)
        to_end = np.sqrt(np.minimum(from_a[0] ** 2 + from_a[1] ** 2, from_b[0] ** 2 + from_b[1] ** 2))
        length = np.hypot(bx - ax, by - ay)
        in_circle = (from_a[0] * from_b[0] + from_a[1] * from_b[1] <= 0) & (length > 0)
        cross = abs((bx - ax) * from_a[1] - (by - ay) * from_a[0])
        np.minimum(least, np.where(in_circle, cross / (length or 1), to_end), out=least)
    return least


def fill(image: NDArray[np.uint8], outline: NDArray[Any], value: int) -> None:
    """Fill an outline (m, 2), its vertices truncated to whole pixels; what is far outside the map is cut away."""
    size = np.array(image.shape[::-1])
    if len(outline) and (outline.min() < -FAR or (outline.max(0) > size + FAR).any()):
        outline = clip_polygon(outline, np.array((-FAR, -FAR)), size + FAR)
    if len(outline):
        cv2.fillPoly(image, [np.trunc(outline).astype(np.int32)], value)
