"""Label maps of PSENet: the text map, six kernels and the training mask, drawn on a whole image.

Source: Wang et al., "Shape Robust Text Detection with Progressive Scale Expansion Network", CVPR 2019, section 3.4,
with the rounding of the authors' implementation. `crop_targets` draws the same labels faster, only inside a crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.offsets import offset_polygon

KERNEL_RATES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
MAX_SHRINK = 20
MAX_POLYGONS = 200


def shrink_polygon(polygon: NDArray[np.generic], rate: float, max_shrink: int = MAX_SHRINK) -> NDArray[np.int32]:
    """Shrink a text polygon (k, 2), its vertices truncated to int, to one of its kernels, (m, 2) int32.

    The outline moves inwards by area * (1 - rate^2) / perimeter, rounded, at most `max_shrink` pixels. If nothing is
    left, the kernel is the polygon itself; if several parts are left, it is the first one.
    """
    vertices = np.asarray(polygon, np.int32)
    distance = int(shrink_distances(vertices, (rate,), max_shrink)[0])
    parts = offset_polygon(vertices, -distance)
    if not parts or len(parts[0]) < 3:
        return vertices
    return parts[0]


def shrink_distances(
    polygons: NDArray[np.generic], rates: Sequence[float] = KERNEL_RATES, max_shrink: int = MAX_SHRINK
) -> NDArray[np.int_]:
    """Distances by which outlines move inwards: polygons (..., k, 2) and r rates -> (..., r), whole pixels."""
    x, y = polygons[..., 0].astype(np.float64), polygons[..., 1].astype(np.float64)
    following = np.arange(1, x.shape[-1] + 1) % x.shape[-1]
    next_x, next_y = x[..., following], y[..., following]
    perimeter = np.hypot(next_x - x, next_y - y).sum(-1)
    area = abs((x * next_y - next_x * y).sum(-1)) / 2
    exact = (area / (perimeter + 0.001))[..., None] * (1 - np.square(rates))
    distances: NDArray[np.int_] = np.minimum((exact + 0.5).astype(int), max_shrink)
    return distances


def draw_targets(
    polygons: Sequence[NDArray[np.generic]], ignored: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the label maps of one whole image.

    Args:
        polygons: each (k, 2), in pixels of the scaled image; truncated to int here. Only the first 200 are drawn.
        ignored: (n,) bool.
        size: (H, W) of the scaled image.

    Returns:
        gt_text (H, W), gt_kernels (6, H, W), largest kernel first, and training_mask (H, W), uint8, 0 or 1.
    """
    gt_text = np.zeros(size, np.uint8)
    gt_kernels = np.zeros((len(KERNEL_RATES), *size), np.uint8)
    training_mask = np.ones(size, np.uint8)
    for polygon, is_ignored in zip(polygons[:MAX_POLYGONS], ignored[:MAX_POLYGONS], strict=True):
        outline = np.asarray(polygon, np.int32)
        cv2.fillPoly(gt_text, [outline], 1)
        if is_ignored:
            cv2.fillPoly(training_mask, [outline], 0)
        for gt_kernel, rate in zip(gt_kernels, KERNEL_RATES, strict=True):
            cv2.fillPoly(gt_kernel, [shrink_polygon(outline, rate)], 1)
    return gt_text, gt_kernels, training_mask
