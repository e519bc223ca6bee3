"""Outlines of texts moved inwards or outwards, as DB's labels and boxes need them.

Vertices are truncated to whole pixels, but the distance comes from the exact ones: the rounding of the usual
implementations of Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020.
"""

from __future__ import annotations

import numpy as np
import pyclipper
from numpy.typing import NDArray

from ocr_models.detection.polygons import PolygonBatch

SHRINK_RATIO = 0.4
LABEL_SHARE = 1 - SHRINK_RATIO**2
"""The labels move an outline by this share of area / perimeter."""


def offset_distances(polygons: PolygonBatch, share: float = LABEL_SHARE) -> NDArray[np.float64]:
    """The share of area / perimeter of each polygon, (n,) pixels; 0 for a polygon without area."""
    perimeters = polygons.perimeters()
    distances: NDArray[np.float64] = polygons.areas() * share / np.where(perimeters > 0, perimeters, 1)
    return distances


def offset_polygon(polygon: NDArray[np.generic], distance: float) -> NDArray[np.int32]:
    """Move the outline of a polygon (k, 2) outwards by `distance` pixels, inwards if it is negative.

    Corners become round. The result (m, 2) is the first part if there are several, and empty if nothing is left.
    """
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(polygon.astype(np.int64).tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    paths = offset.Execute(distance)
    return np.array(paths[0] if paths else (), np.int32).reshape(-1, 2)
