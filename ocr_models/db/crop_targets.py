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

from ocr_models.db.border import draw_border
from ocr_models.db.targets import box_in_map, text_outlines

if TYPE_CHECKING:
    from ocr_models.db.augmentation import Augmentation
    from ocr_models.detection.polygons import PolygonBatch

SHRINK_BIT, MASK_BIT, THRESHOLD_BIT = 1, 2, 4


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
            draw_border(threshold[top:bottom, left:right], text.vertices - (left, top), text.distance)
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
