"""Outlines of shrunken texts grown to the size of the texts: moved outwards, their corners rounded off.

`grow_outline` is the recipe, with the Clipper library. `grow_rectangles` finds the same points for many rectangles at
once: a call of the library takes as long as all else that is done for a text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.offsets import ARC_TOLERANCE, offset_distances, offset_polygon
from ocr_models.detection.polygons import PolygonBatch

GROW_RATIO = 1.5  # an outline moves outwards by this times its area / its perimeter


def grow_outline(outline: NDArray[np.generic]) -> list[NDArray[np.int32]]:
    """The outline (k, 2) moved outwards, its vertices truncated: no part (m, 2), one, or several if it splits."""
    (distance,) = offset_distances(PolygonBatch.of([outline]), GROW_RATIO).tolist()
    return offset_polygon(outline, distance)


def grow_rectangles(rectangles: NDArray[np.float32]) -> list[NDArray[np.int32]]:
    """Grow rectangles, each by its own distance.

    Args:
        rectangles: (n, 4, 2), clockwise on the screen, with no side shorter than 3 pixels. The library rounds the
            corners of a small one otherwise if it begins with another corner.

    Returns:
        n outlines (m, 2). Each has the convex hull of the part that `grow_outline` returns, and begins with the same
        point, on which it depends which of several rectangles of least area OpenCV finds.
    """
    n = len(rectangles)
    distances = offset_distances(PolygonBatch(rectangles.reshape(-1, 2), 4 * np.arange(1, n + 1)), GROW_RATIO)
    vertices = np.trunc(rectangles.astype(np.float64))
    first, last = _normals(vertices)  # (n, 4, 2), the directions in which the arc at each vertex begins and ends
    sines = first[..., 0] * last[..., 1] - last[..., 0] * first[..., 1]  # (n, 4), of the angle of each arc
    cosines = first[..., 0] * last[..., 0] + first[..., 1] * last[..., 1]
    circle = np.minimum(np.pi / np.arccos(1 - ARC_TOLERANCE / distances), np.pi * distances)  # (n,), steps of a circle
    steps = circle[:, None] * np.arctan2(sines.clip(-1, 1), cosines) / (2 * np.pi)  # (n, 4), of each arc
    counts = np.maximum((steps + 0.5).astype(int), 1)
    directions = _directions(first, last, 2 * np.pi / circle, counts)  # (n, 4, m, 2)
    points = _rounded(vertices[:, :, None] + directions * distances[:, None, None, None])
    is_needed = np.arange(points.shape[2]) <= counts[..., None]  # (n, 4, m)
    outlines = _begin_after_top(points, is_needed).arrays()
    has_no_arc = (sines * distances[:, None] < 1).any(axis=1)  # at a corner of a small rectangle
    for index in np.flatnonzero(has_no_arc).tolist():
        outlines[index] = offset_polygon(rectangles[index], distances[index])[0]
    return outlines


def _normals(vertices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vertices (n, 4, 2) -> outward unit normals of the edges that end at each vertex, and of those that begin."""
    edges = np.roll(vertices, -1, axis=1) - vertices
    units = edges * (1 / np.sqrt((edges * edges).sum(axis=-1, keepdims=True)))
    beginning = np.stack((units[..., 1], -units[..., 0]), axis=-1)
    return np.roll(beginning, 1, axis=1), beginning


def _directions(
    first: NDArray[np.float64], last: NDArray[np.float64], angles: NDArray[np.float64], counts: NDArray[np.int_]
) -> NDArray[np.float64]:
    """`first` (n, 4, 2), turned by the angle (n,) as often as `counts` (n, 4), then `last`: (n, 4, m, 2)."""
    most = int(counts.max(initial=0))
    directions = np.repeat(last[:, :, None], most + 1, axis=2)
    x, y, sine, cosine = first[..., 0], first[..., 1], np.sin(angles)[:, None], np.cos(angles)[:, None]
    for step in range(most):
        np.copyto(directions[:, :, step, 0], x, where=step < counts)
        np.copyto(directions[:, :, step, 1], y, where=step < counts)
        x, y = x * cosine - sine * y, x * sine + y * cosine
    return directions


def _rounded(points: NDArray[Any]) -> NDArray[np.int32]:
    """Rounded half away from zero."""
    rounded: NDArray[np.int32] = np.trunc(points + np.copysign(0.5, points)).astype(np.int32)
    return rounded


def _begin_after_top(points: NDArray[np.int32], is_needed: NDArray[np.bool_]) -> PolygonBatch:
    """The needed points of each outline, (n, 4, m, 2) and (n, 4, m), in turn, the right one of the topmost last."""
    n, length = len(points), points.shape[1] * points.shape[2]
    points, is_needed = points.reshape(n, length, 2), is_needed.reshape(n, length)
    from_top_right = points[..., 1].astype(np.int64) * 2**32 - points[..., 0]
    last = length - 1 - from_top_right[:, ::-1].argmin(axis=1)  # (n,); of equal points the last
    order = (last[:, None] + 1 + np.arange(length)) % length
    points = np.take_along_axis(points, order[..., None], axis=1)
    is_needed = np.take_along_axis(is_needed, order, axis=1)
    return PolygonBatch(points[is_needed], np.cumsum(is_needed.sum(axis=1)))
