"""Outlines of texts moved inwards or outwards, as DB's labels and boxes need them.

Vertices are truncated to whole pixels, but the distance comes from the exact ones: the rounding of the usual
implementations of Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020.
"""

from __future__ import annotations

import numpy as np
import pyclipper
from numpy.typing import NDArray

from ocr_models.detection.polygons import signed_areas

SHRINK_RATIO = 0.4
AREA_SHARE = 1 - SHRINK_RATIO**2
"""Of area / perimeter: the distance by which the labels move an outline."""


def offset_distances(polygons: NDArray[np.generic], share: float = AREA_SHARE) -> NDArray[np.float64]:
    """share * area / perimeter of polygons (n, k, 2) -> (n,) pixels; 0 for a polygon without area."""
    vertices = np.asarray(polygons, np.float64)
    edges = np.roll(vertices, -1, axis=1) - vertices  # (n, k, 2)
    perimeters = np.hypot(edges[..., 0], edges[..., 1]).sum(1)  # (n,)
    areas = abs(signed_areas(vertices - vertices[:, :1]))
    distances: NDArray[np.float64] = areas * share / np.where(perimeters > 0, perimeters, 1)
    return distances


def offset_polygon(polygon: NDArray[np.generic], distance: float) -> NDArray[np.int_]:
    """Move the outline of a polygon (k, 2) outwards by `distance` pixels, inwards if it is negative.

    Corners become round. The result (m, 2) is the first part if there are several, and empty if nothing is left.
    """
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(np.trunc(polygon).astype(int).tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    paths = offset.Execute(distance)
    return np.array(paths[0] if paths else [], int).reshape(-1, 2)
