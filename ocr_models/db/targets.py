"""Label maps of DB: the shrunk texts, the borders of texts for the thresholds, and a mask for each.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020, section "Label
generation", with the rounding of the usual implementations. Pixel (x, y) is the sample at x, y. `crop_targets` draws
the same labels faster and packs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.offsets import offset_distances, offset_polygon
from ocr_models.detection.polygons import PolygonBatch, clip_polygon

SHRINK_RATIO = 0.4
OFFSET_RATIO = 1 - SHRINK_RATIO**2
"""Outlines of texts are moved by this times area / perimeter, of the exact vertices."""

MIN_SIDE = 8
"""Pixels. A text whose bounding box is narrower or lower is not learned."""

MIN_AREA = 1  # square pixels
LOW_THRESHOLD, HIGH_THRESHOLD = 0.3, 0.7

FAR = 2**12
"""Pixels around the map at which an outline is cut before it is filled: the time to fill a polygon grows with its
extent, also outside the map."""

FARTHEST = 2.0**24  # pixels; vertices beyond are moved there, so that no integer overflows


class TextOutlines(NamedTuple):
    """What is drawn for one text.

    Attributes:
        vertices: (k, 2) float64.
        clipped: (k, 2) int32: each vertex clipped to the map, then truncated. If the text is not learned, this is
            removed from the shrink mask.
        shrunk: (m, 2) int32, in the map; empty if the text is not learned: ignored, too small, or nothing is left.
        grown: (m, 2) int32, without what is far outside the map; empty if the text is ignored or has no area.
        distance: by which it is grown, pixels.
    """

    vertices: NDArray[np.float64]
    clipped: NDArray[np.int32]
    shrunk: NDArray[np.int32]
    grown: NDArray[np.int32]
    distance: float


def text_outlines(polygons: PolygonBatch, ignored: NDArray[np.bool_], size: tuple[int, int]) -> list[TextOutlines]:
    """The outlines of n texts, in pixels of a map of `size` (H, W); they may leave it."""
    texts = polygons.with_points(polygons.points.astype(np.float64).clip(-FARTHEST, FARTHEST))
    clipped = texts.with_points(texts.points.clip(0, (size[1] - 1, size[0] - 1)))
    first, last = clipped.bounds()
    learned = ~ignored & ((last - first) >= MIN_SIDE).all(1) & (clipped.areas() >= MIN_AREA)
    distances = np.where(ignored, 0, offset_distances(texts, OFFSET_RATIO)).tolist()
    shrink_distances = np.where(learned, offset_distances(clipped, OFFSET_RATIO), 0).tolist()
    whole = clipped.with_points(clipped.points.astype(np.int32))
    return [
        TextOutlines(
            vertices,
            outline,
            shrunk=_moved(outline, -shrink),
            grown=_without_far_parts(_moved(vertices, distance), size),
            distance=distance,
        )
        for vertices, outline, shrink, distance in zip(
            texts.arrays(), whole.arrays(), shrink_distances, distances, strict=True
        )
    ]


def _moved(outline: NDArray[np.generic], distance: float) -> NDArray[np.int32]:
    """The outline moved outwards, (m, 2): the first of its parts; empty if `distance` is 0 or nothing is left."""
    parts = offset_polygon(outline, distance) if distance else []
    return parts[0] if parts else np.empty((0, 2), np.int32)


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
        threshold_map (H, W) float32: 0.7 on the outline of a text, 0.3 from the distance on by which it is grown.
        threshold_mask (H, W) uint8: 1 inside the grown texts.
    """
    shrink_map, shrink_mask = np.zeros(size, np.uint8), np.ones(size, np.uint8)
    closeness, threshold_mask = np.zeros(size), np.zeros(size, np.uint8)
    for text in text_outlines(PolygonBatch.of(polygons), np.asarray(ignored, bool), size):
        if len(text.shrunk):
            cv2.fillPoly(shrink_map, [text.shrunk], 1)
        else:
            cv2.fillPoly(shrink_mask, [text.clipped], 0)
        if len(text.grown):
            cv2.fillPoly(threshold_mask, [text.grown], 1)
            left, top, right, bottom = box_in_map(text.grown, size)
            distances = edge_distances(text.vertices, np.arange(left, right), np.arange(top, bottom))
            part = closeness[top:bottom, left:right]
            np.maximum(part, 1 - np.minimum(distances / text.distance, 1), out=part)
    threshold_map = LOW_THRESHOLD + (HIGH_THRESHOLD - LOW_THRESHOLD) * closeness
    return shrink_map, shrink_mask, threshold_map.astype(np.float32), threshold_mask


def edge_distances(
    vertices: NDArray[np.float64], x: NDArray[np.generic], y: NDArray[np.generic]
) -> NDArray[np.float64]:
    """Distances of the pixels x (w,), y (h,) to the nearest edge of a polygon (k, 2) -> (h, w).

    The distance to an edge is perpendicular inside the circle that has the edge as its diameter, else that to the
    nearer end. (The distance to a segment would be perpendicular in the whole strip beside it.)
    """
    least = np.full((len(y), len(x)), np.inf)
    for (ax, ay), (bx, by) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        xa, ya, xb, yb = x - ax, (y - ay)[:, None], x - bx, (y - by)[:, None]
        to_end = np.sqrt(np.minimum(xa**2 + ya**2, xb**2 + yb**2))
        length = np.hypot(bx - ax, by - ay)
        in_circle = (xa * xb + ya * yb <= 0) & (length > 0)
        cross = abs((bx - ax) * ya - (by - ay) * xa)
        np.minimum(least, np.where(in_circle, cross / (length or 1), to_end), out=least)
    return least


def box_in_map(outline: NDArray[np.int32], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the part of an outline's bounding box in a map of `size` (H, W).

    Right and bottom are exclusive, and not less than left and top.
    """
    left, top, width, height = cv2.boundingRect(outline)
    x, y = max(left, 0), max(top, 0)
    return x, y, max(min(left + width, size[1]), x), max(min(top + height, size[0]), y)


def _without_far_parts(outline: NDArray[np.int32], size: tuple[int, int]) -> NDArray[np.int32]:
    """The outline (m, 2) cut at `FAR` pixels around a map of `size` (H, W), if it leaves that frame."""
    if not len(outline):
        return outline
    rows, columns = size
    left, top, width, height = cv2.boundingRect(outline)
    if min(left, top) >= -FAR and left + width <= columns + FAR and top + height <= rows + FAR:
        return outline
    return clip_polygon(outline, np.array((-FAR, -FAR)), np.array((columns + FAR, rows + FAR))).astype(np.int32)
