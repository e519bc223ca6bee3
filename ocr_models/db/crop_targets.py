"""DB's label maps of one augmented sample, packed in two bytes per pixel.

They are those that `draw_targets` draws from the polygons in pixels of the sample. Here the distances are squared, in
float32, and only computed around each text. A pixel that is exactly on the circle of an edge, where the distance jumps,
may get the other of its two values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.db.targets import box_in_map, text_outlines

if TYPE_CHECKING:
    from ocr_models.db.augmentation import Augmentation
    from ocr_models.detection.polygons import PolygonBatch

SHRINK_BIT, MASK_BIT, THRESHOLD_BIT = 1, 2, 4
LEVELS = 255  # of the threshold map above its lowest value
STRIP_PIXELS = 2**13
"""The border of a text is computed in strips of so many pixels, whose maps stay in the cache."""

TINY = 1e-300  # instead of a length of 0, by which nothing is divided


def draw_crop_targets(
    polygons: PolygonBatch, ignored: NDArray[np.bool_], augmentation: Augmentation
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the packed label maps of one sample.

    Args:
        polygons: n, in pixels of the source image. Those that do not touch the crop are left out.
        ignored: (n,) bool.
        augmentation: transforms the source image to the sample.

    Returns:
        masks (S, S): bit 0 shrink_map, bit 1 shrink_mask, bit 2 threshold_mask.
        threshold (S, S): v means 0.3 + 0.4 v / 255.
    """
    size = augmentation.sample_size, augmentation.sample_size
    masks, threshold = np.full(size, MASK_BIT, np.uint8), np.zeros(size, np.uint8)
    texts, kept = texts_in_sample(polygons, augmentation)
    for text in text_outlines(texts, ignored[kept], size):
        if len(text.shrunk):
            part, filled = _filled(masks, text.shrunk, SHRINK_BIT)
            part |= filled
        else:
            part, filled = _filled(masks, text.clipped, MASK_BIT)
            part &= ~filled
        if len(text.grown):
            part, filled = _filled(masks, text.grown, THRESHOLD_BIT)
            part |= filled
            left, top, right, bottom = box_in_map(text.grown, size)
            _draw_border(threshold[top:bottom, left:right], text.vertices - (left, top), text.distance)
    return masks, threshold


def _filled(
    masks: NDArray[np.uint8], outline: NDArray[np.int32], value: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The part of the masks around an outline (m, 2), a view, and a map of the same size: `value` inside, else 0."""
    left, top, right, bottom = box_in_map(outline, masks.shape)
    filled = np.zeros((bottom - top, right - left), np.uint8)
    if filled.size:
        cv2.fillPoly(filled, [outline], value, offset=(-left, -top))
    return masks[top:bottom, left:right], filled


def texts_in_sample(polygons: PolygonBatch, augmentation: Augmentation) -> tuple[PolygonBatch, NDArray[np.bool_]]:
    """The polygons that touch the crop, in pixels of the sample, and which of all they are (n,)."""
    moved = polygons.transformed(augmentation.points_to_sample())
    first, last = moved.bounds()
    kept: NDArray[np.bool_] = np.all((last >= 0) & (first <= augmentation.visible[::-1]), axis=1)
    return moved.kept(kept), kept


def _draw_border(part: NDArray[np.uint8], vertices: NDArray[np.float64], distance: float) -> None:
    """Raise the pixels of `part` (h, w) to how close they are to a text's outline: 255 on it, 0 from `distance` on.

    `edge_distances` tells what the distance is. The perpendicular distance never exceeds that to the ends. So the least
    distance is the least of those to all vertices and, inside the circle of each edge, to its line.

    Args:
        part: written to.
        vertices: (k, 2), in pixels of the part.
        distance: greater than 0.
    """
    rows, columns = part.shape
    if not part.size:
        return
    edges = np.concatenate((vertices[1:], vertices[:1])) - vertices  # (k, 2)
    squared_lengths = (edges**2).sum(1).tolist()
    normals = edges[:, ::-1] / np.sqrt(np.maximum(squared_lengths, TINY))[:, None] * (1, -1)  # (k, 2)
    from_x, from_y = np.arange(columns) - vertices[:, :1], np.arange(rows) - vertices[:, 1:]  # (k, w), (k, h)
    # Squared distances to vertices and distances to lines are sums of a row and a column, which are float64 until here.
    squares = _row_and_column(from_x**2, from_y**2)
    lines = _row_and_column(from_x * normals[:, :1], from_y * normals[:, 1:])
    strip = max(STRIP_PIXELS // columns, 1)
    for top in range(0, rows, strip):
        strips = slice(top, top + strip)
        to_vertices = [row + column[strips] for row, column in zip(*squares, strict=True)]
        least = np.full_like(to_vertices[0], distance**2)  # (strip, w)
        for index, squared_length in enumerate(squared_lengths):
            start, end = to_vertices[index], to_vertices[(index + 1) % len(vertices)]
            cv2.min(least, start, dst=least)
            if squared_length > 0:
                to_line = lines[0][index] + lines[1][index][strips]
                to_line *= to_line
                # infinite outside the circle: there (start - pixel) . (end - pixel) > 0
                outside = cv2.threshold(start + end, squared_length, np.inf, cv2.THRESH_BINARY)[1]
                cv2.min(least, cv2.max(to_line, outside, dst=to_line), dst=least)
        np.sqrt(least, out=least)
        least *= -LEVELS / distance
        least += LEVELS + 0.5
        np.maximum(part[strips], least.astype(np.uint8), out=part[strips])


def _row_and_column(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(k, w), (k, h) -> (k, 1, w), (k, h, 1), whose sum is (k, h, w)."""
    return x.astype(np.float32)[:, None], y.astype(np.float32)[..., None]
