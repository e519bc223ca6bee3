"""Outlines of texts moved inwards or outwards by the Clipper library: for labels, and for boxes from shrunken texts."""

from __future__ import annotations

import numpy as np
import pyclipper
from numpy.typing import NDArray

from ocr_models.detection.polygons import PolygonBatch

ARC_TOLERANCE = 0.25  # pixels between an arc and the edges that are drawn for it: the library's default


def offset_distances(polygons: PolygonBatch, ratio: float) -> NDArray[np.float64]:
    """`ratio` times area / perimeter of each polygon, (n,) pixels; 0 for a polygon without area."""
    perimeters = polygons.perimeters()
    distances: NDArray[np.float64] = polygons.areas() * ratio / np.where(perimeters > 0, perimeters, 1)
    return distances


def offset_polygon(polygon: NDArray[np.generic], distance: float) -> list[NDArray[np.int32]]:
    """Move the outline of a polygon outwards by `distance` pixels, inwards if it is negative. Corners become round.

    Args:
        polygon: (k, 2); vertices are truncated to whole pixels.
        distance: pixels.

    Returns:
        The parts of the result, (m, 2) each: none if nothing is left, several if it splits.
    """
    offset = pyclipper.PyclipperOffset(arc_tolerance=ARC_TOLERANCE)
    offset.AddPath(polygon.astype(np.int64).tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return [np.array(path, np.int32) for path in offset.Execute(distance)]
