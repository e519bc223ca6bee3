"""The border of a text in DB's threshold map: how close each pixel is to the text's outline.

Most pixels are far from most edges of an outline. So each vertex and each edge is computed only in the box around it
in which it counts. That matters for outlines of many vertices.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

LEVELS = 255  # of the threshold map above its lowest value
STRIP_PIXELS = 2**14
"""A border is computed in strips of so many pixels, whose maps stay in the cache."""

TINY = 1e-300  # instead of a length of 0, by which nothing is divided

Box = tuple[int, int, int, int]
"""(left, top, right, bottom); right and bottom are exclusive."""

Separable = tuple[NDArray[np.float32], NDArray[np.float32]]
"""k maps, each the sum of a row and a column: (k, 1, w) and (k, h, 1)."""


def draw_border(part: NDArray[np.uint8], vertices: NDArray[np.float64], distance: float) -> None:
    """Raise the pixels of `part` (h, w) to how close they are to a text's outline: 255 on it, 0 from `distance` on.

    `ocr_models.db.targets.edge_distances` defines the distance. The perpendicular distance never exceeds that to
    the ends. So the least distance is the least of those to all vertices and, inside the circle of each edge, to its
    line.

    Args:
        part: written to.
        vertices: (k, 2), in pixels of the part.
        distance: greater than 0.
    """
    rows, columns = part.shape
    if not part.size:
        return
    edges = np.concatenate((vertices[1:], vertices[:1])) - vertices  # (k, 2)
    lengths = np.sqrt((edges**2).sum(1, keepdims=True))  # (k, 1)
    normals = edges[:, ::-1] / np.maximum(lengths, TINY) * (1, -1)  # (k, 2)
    x, y = np.arange(columns) - vertices[:, :1], np.arange(rows) - vertices[:, 1:]  # (k, w), (k, h)
    to_vertices = _separable(x**2, y**2)  # squared
    to_lines = _separable(x * normals[:, :1], y * normals[:, 1:])
    # (start - pixel) . (end - pixel): positive outside the circle
    products = _separable(x * (x - edges[:, :1]), y * (y - edges[:, 1:]))
    vertex_boxes = _boxes(vertices, distance, part.shape)
    reach = np.minimum(abs(edges) / 2 + distance, lengths / 2)  # of an edge, from its middle: not beyond its circle
    edge_boxes = _boxes(vertices + edges / 2, reach, part.shape)
    strip = max(STRIP_PIXELS // columns, 1)
    for top in range(0, rows, strip):
        pixels = part[top : top + strip]
        least = np.full(pixels.shape, distance**2, np.float32)
        for index, box in _in_strip(vertex_boxes, top, top + strip):
            window = _window(least, box, top)
            cv2.min(window, _sum(to_vertices, index, box), dst=window)
        for index, box in _in_strip(edge_boxes, top, top + strip):
            to_line = _sum(to_lines, index, box)
            to_line *= to_line
            outside = cv2.threshold(_sum(products, index, box), 0, np.inf, cv2.THRESH_BINARY)[1]  # infinite there
            window = _window(least, box, top)
            cv2.min(window, cv2.max(to_line, outside, dst=to_line), dst=window)
        np.sqrt(least, out=least)
        least *= -LEVELS / distance
        least += LEVELS + 0.5
        np.maximum(pixels, least.astype(np.uint8), out=pixels)


def _boxes(middles: NDArray[np.float64], reach: NDArray[np.float64] | float, size: tuple[int, int]) -> list[Box]:
    """The pixels of a map of `size` (h, w) that are at most `reach`, (k, 2) or a number, from each middle (k, 2)."""
    low, high = np.floor(middles - reach), np.ceil(middles + reach) + 1
    boxes: list[Box] = np.concatenate((low, high), axis=1).clip(0, size[::-1] * 2).astype(int).tolist()
    return boxes


def _in_strip(boxes: list[Box], top: int, bottom: int) -> Iterator[tuple[int, Box]]:
    """The boxes that have pixels in the rows from `top` to `bottom`, cut there, and their indices."""
    for index, (left, first, right, last) in enumerate(boxes):
        cut = left, max(first, top), right, min(last, bottom)
        if left < right and cut[1] < cut[3]:
            yield index, cut


def _window(strip: NDArray[np.float32], box: Box, top: int) -> NDArray[np.float32]:
    """The view of a box in a strip that begins with the row `top`."""
    left, first, right, last = box
    return strip[first - top : last - top, left:right]


def _separable(x: NDArray[np.float64], y: NDArray[np.float64]) -> Separable:
    """Rows (k, w) and columns (k, h), which are float64 until here."""
    return x.astype(np.float32)[:, None], y.astype(np.float32)[..., None]


def _sum(maps: Separable, index: int, box: Box) -> NDArray[np.float32]:
    """One of the maps inside a box."""
    left, top, right, bottom = box
    return maps[0][index, :, left:right] + maps[1][index, top:bottom]
