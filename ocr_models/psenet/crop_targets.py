"""PSENet's label maps of one augmented crop, packed in one byte per pixel and drawn only inside the crop.

The recipe draws eight maps of the scaled image, then rotates and crops them. Here each outline is transformed first and
then filled; polygons outside the crop cost nothing. Polygons are shrunk at the scaled size, as in the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.polygons import PolygonBatch, clip_polygon
from ocr_models.psenet.targets import KERNEL_RATES, shrink_distances, shrink_polygon

if TYPE_CHECKING:
    from ocr_models.psenet.augmentation import Augmentation

LEVELS = 1 + len(KERNEL_RATES)  # the text and its kernels
MASK_BIT = 1 << LEVELS
MIN_INSET_EDGE = 2  # pixels; below, the rounding of pyclipper may decide whether a kernel exists at all

FAR = 2**14
"""Pixels from the crop's corner. The time to fill a polygon grows with its extent, also outside the image, and beyond
2**27 subpixels wrap around."""

CUT_MARGIN = 2**12  # pixels around the crop, so that rounding at a cut turns the rest of an edge as little as possible
SUBPIXEL_BITS = 4  # of OpenCV's fixed-point coordinates
SUBPIXELS = 1 << SUBPIXEL_BITS


def draw_crop_targets(
    polygons: PolygonBatch, ignored: NDArray[np.bool_], augmentation: Augmentation
) -> NDArray[np.uint8]:
    """The packed label map of the crop, (S, S) uint8: bit 0 text, bits 1 to 6 kernels, largest first, bit 7 the mask.

    Args:
        polygons: in pixels of the scaled image, int.
        ignored: (n,) bool.
        augmentation: transforms the scaled image to the crop.
    """
    packed = np.zeros((augmentation.crop_size, augmentation.crop_size), np.uint8)
    rows, columns = augmentation.visible
    view = packed[:rows, :columns]
    matrix = augmentation.scaled_to_crop()
    _fill(view, _to_subpixels(_frame(augmentation.scaled_shape).transformed(matrix).points), MASK_BIT)

    first, last = polygons.transformed(matrix).bounds()
    near = np.flatnonzero(((last > -1) & (first < (columns, rows))).all(1))
    if not len(near):
        return packed
    corners = np.maximum(np.floor(first[near]).astype(int) - 1, 0)  # (n, 2), x and y of each patch
    ends = np.ceil(last[near]).astype(int) + 2
    arrays = polygons.arrays()
    distances, kernels = _shrink_all([arrays[index] for index in near.tolist()])
    outlines = kernels.transformed(matrix).moved(-np.repeat(corners, LEVELS, axis=0))
    far = np.flatnonzero(((first[near] < -FAR) | (last[near] > FAR)).any(1))
    shapes = _without_far_parts(outlines, far, augmentation.crop_size, corners)
    for place, (left, top, right, bottom) in enumerate(np.hstack((corners, ends)).tolist()):
        levels = slice(place * LEVELS, (place + 1) * LEVELS)
        _paint(view[top:bottom, left:right], shapes[levels], distances[levels], ignored[near[place]])
    return packed


def _without_far_parts(
    outlines: PolygonBatch, far: NDArray[np.int_], crop_size: int, corners: NDArray[np.int_]
) -> list[NDArray[np.int32]]:
    """The outlines, 7 n, in subpixels; those of the polygons `far` cut to a frame around the crop.

    `corners` (n, 2) is the origin of the outlines of each polygon, in pixels of the crop.
    """
    if not len(far):
        return outlines.with_points(_to_subpixels(outlines.points)).arrays()
    arrays = outlines.arrays()
    for place in far.tolist():
        low = -CUT_MARGIN - corners[place]
        for index in range(place * LEVELS, (place + 1) * LEVELS):
            arrays[index] = clip_polygon(arrays[index], low, low + crop_size + 2 * CUT_MARGIN)
    return [_to_subpixels(array) for array in arrays]


def _frame(shape: tuple[int, int]) -> PolygonBatch:
    """The centres of the image's corner pixels. Filling adds half a pixel around them, so it covers the image."""
    last_row, last_column = shape[0] - 1, shape[1] - 1
    return PolygonBatch.of([np.array([(0, 0), (last_column, 0), (last_column, last_row), (0, last_row)])])


def _to_subpixels(points: NDArray[Any]) -> NDArray[np.int32]:
    subpixels: NDArray[np.int32] = np.rint(points * SUBPIXELS).astype(np.int32)
    return subpixels


def _fill(view: NDArray[np.uint8], outline: NDArray[np.int32], value: int) -> None:
    if len(outline):  # else it was cut away
        cv2.fillPoly(view, [outline], value, shift=SUBPIXEL_BITS)


def _paint(
    patch: NDArray[np.uint8], outlines: Sequence[NDArray[np.int32]], distances: Sequence[int], is_ignored: bool
) -> None:
    """Add one polygon to its part of the packed map.

    Args:
        patch: (h, w), written to.
        outlines: of the text and its six kernels, in subpixels of the patch.
        distances: by how much each outline is shrunk. An outline that is shrunk more is inside the others, so each is
            filled once, with the bits of all outlines that contain it.
        is_ignored: whether the text is removed from the training mask.
    """
    polygon = np.zeros(patch.shape, np.uint8)
    value = 0
    for level in sorted(range(LEVELS), key=distances.__getitem__):
        value |= 1 << level
        _fill(polygon, outlines[level], value)
    patch |= polygon
    if is_ignored:
        patch[polygon > 0] &= 0xFF ^ MASK_BIT


def _shrink_all(polygons: Sequence[NDArray[np.int32]]) -> tuple[list[int], PolygonBatch]:
    """Shrink n polygons -> the distances of their 7 outlines from the text's own, and the outlines, 7 n of each."""
    levels: dict[int, tuple[list[int], list[NDArray[Any]]]] = {}
    for vertices in {len(polygon) for polygon in polygons}:
        places = [place for place, polygon in enumerate(polygons) if len(polygon) == vertices]
        group = np.stack([polygons[place] for place in places])  # (g, k, 2)
        for place, polygon, *inset in zip(places, group, *_inset(group), strict=True):
            levels[place] = _levels(polygon, *inset)
    ordered = [levels[place] for place in range(len(polygons))]
    outlines = [outline for _, polygon_outlines in ordered for outline in polygon_outlines]
    return [distance for distances, _ in ordered for distance in distances], PolygonBatch.of(outlines)


def _levels(
    polygon: NDArray[np.int32],
    distances: NDArray[np.int_],
    kernels: NDArray[np.float64],
    plain: NDArray[np.bool_],
) -> tuple[list[int], list[NDArray[Any]]]:
    """The 7 distances and outlines of one polygon (k, 2), from `kernels` (6, k, 2) if plain (6,), else by pyclipper."""
    all_distances, outlines = [0, *distances.tolist()], [polygon, *kernels]
    for level in np.flatnonzero(~plain).tolist():
        kernel = outlines[level + 1] = shrink_polygon(polygon, KERNEL_RATES[level])
        if np.array_equal(kernel, polygon):
            all_distances[level + 1] = 0
    return all_distances, outlines


def _inset(polygons: NDArray[np.int32]) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.bool_]]:
    """Shrink polygons of k vertices, (n, k, 2), for all kernels at once.

    If every edge of a convex polygon moves inwards by d, each vertex moves along its bisector in proportion to d. As
    long as no edge vanishes, pyclipper finds the same, apart from its rounding.

    Returns:
        distances (n, 6); kernels (n, 6, k, 2); whether each kernel is valid (n, 6).
    """
    corners = polygons.astype(np.float64)
    following = np.arange(1, corners.shape[1] + 1) % corners.shape[1]
    edges = corners[:, following] - corners
    distances = shrink_distances(polygons)
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # an edge without length or a vertex without turn: not finite, so not plain
        along = edges / np.hypot(edges[..., 0], edges[..., 1])[..., None]
        before = along[:, following - 2]
        turn = before[..., 0] * along[..., 1] - before[..., 1] * along[..., 0]  # (n, k) sine at each vertex
        bisectors = (along - before) / abs(turn)[..., None]
        kernels = corners[:, None] + distances[:, :, None, None] * bisectors[:, None]  # (n, 6, k, 2)
        lengths = ((kernels[:, :, following] - kernels) * along[:, None]).sum(-1)  # (n, 6, k), negative once vanished
        convex = abs(np.sign(turn).sum(-1)) == turn.shape[1]
    plain = convex[:, None] & (lengths >= MIN_INSET_EDGE).all(-1)
    return distances, kernels, plain
