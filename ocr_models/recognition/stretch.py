"""Stretching of word images to the size of a network's input: exactly Pillow's bicubic resampling.

Both recipes resize with Pillow. Its filter covers all source pixels of a target pixel, so it smooths what it shrinks;
OpenCV's bicubic filter always covers 4 x 4 pixels, which is another picture.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.machine_code import compiled

Pixels = NDArray[np.uint8]

FRACTION_BITS = 22
"""Weights are integers in units of 2^-22, and both passes round to bytes, as in Pillow."""

SUPPORT = 2.0  # the bicubic filter reaches two pixels to either side
SHARPNESS = -0.5  # its parameter a


class Weights(NamedTuple):
    """What `source` pixels in a line contribute to `target` ones.

    Attributes:
        first: (target,) the first source pixel of each target pixel.
        values: (target, taps) int32, the weights of this pixel and the next ones; 0 behind the end. `taps` is even.
    """

    first: NDArray[np.int32]
    values: NDArray[np.int32]


def stretch(image: Pixels, height: int, width: int) -> Pixels:
    """The image resized to height x width, whatever its aspect ratio.

    Args:
        image: (H, W) or (H, W, C) uint8.
        height: of the result, in pixels.
        width: of the result, in pixels.

    Returns:
        (height, width) or (height, width, C) uint8; a new array. Equal to the `resize` of Pillow 13 with its bicubic
        filter.
    """
    planes = stretched_planes(image, height, width)
    return planes[0] if image.ndim == 2 else np.ascontiguousarray(planes.transpose(1, 2, 0))


def stretched_planes(image: Pixels, height: int, width: int) -> Pixels:
    """The same with the channels one after another: (C, height, width) uint8; a grey image has one channel."""
    rows, columns = image.shape[:2]
    lines = np.ascontiguousarray(image).reshape(1, rows, -1)  # (1, H, W C)
    rows_first = _rows_first(image.shape, height, width)
    if rows_first:
        lines, rows = _with_rows(lines, height), height
    # Columns are resampled as rows: then their neighbours are contiguous, and one instruction computes many.
    turned = _with_rows(_transposed(lines[0]).reshape(1, columns, -1), width)  # (1, width, C rows)
    planes = _transposed(turned[0]).reshape(-1, rows, width)
    return planes if rows_first else _with_rows(planes, height)


def _with_rows(planes: Pixels, height: int) -> Pixels:
    """(P, H, W) -> (P, height, W): each plane resampled to `height` rows; the same array if it has as many."""
    if height == planes.shape[1]:
        return planes
    result = np.empty((planes.shape[0], height, planes.shape[2]), np.uint8)
    compiled(_resample)(planes, *line_weights(planes.shape[1], height), result)
    return result


def _transposed(plane: Pixels) -> Pixels:
    return np.asarray(cv2.transpose(plane), np.uint8)


def grey_of(image: Pixels) -> Pixels:
    """(H, W, 3) uint8 RGB -> (H, W) uint8: the brightness of ITU-R 601, rounded exactly as by Pillow."""
    grey = np.empty(image.shape[:2], np.uint8)
    compiled(_weigh_colours)(np.ascontiguousarray(image).reshape(-1), grey.reshape(-1))
    return grey


@cache
def compile_stretching() -> None:
    """Compile the loops below, or load their machine code, once in this process."""
    grey_of(stretch(np.zeros((2, 3, 3), np.uint8), 3, 2))


def _rows_first(shape: tuple[int, ...], height: int, width: int) -> bool:
    """Both passes round, so their order matters. This is Pillow's: rows first if that removes many rows."""
    fewer_rows, fewer_columns = shape[0] - height, shape[1] - width
    return fewer_rows > 0 and fewer_rows > 2 * fewer_columns


@lru_cache(4096)
def line_weights(source: int, target: int) -> Weights:
    """The weights with which a line of `source` pixels is resampled to `target` pixels."""
    scale = source / target
    stretching = max(scale, 1.0)
    support = SUPPORT * stretching
    centres = (np.arange(target) + 0.5) * scale
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)  # (target,)
    end = np.minimum((centres + support + 0.5).astype(np.int64), source)
    longest = int((end - first).max())
    taps = first[:, None] + np.arange(longest + longest % 2)  # (target, taps)
    values = np.where(taps < end[:, None], _bicubic((taps - centres[:, None] + 0.5) * (1 / stretching)), 0.0)
    values *= 1 / values.cumsum(1)[:, -1:]  # cumsum adds one after another, as Pillow does
    integers = np.trunc(values * (1 << FRACTION_BITS) + np.copysign(0.5, values)).astype(np.int32)
    return Weights(first.astype(np.int32), integers)


def _bicubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    a, x = SHARPNESS, np.abs(distance)
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _resample(planes: Pixels, first: NDArray[np.int32], weights: NDArray[np.int32], result: Pixels) -> None:
    """(P, H, W) -> (P, height, W)."""
    last, width = planes.shape[1] - 1, planes.shape[2]
    totals = np.empty(width, np.int32)
    for plane in range(len(planes)):
        source = planes[plane]
        for y in range(len(first)):
            totals[:] = 1 << 21  # a half
            for tap in range(0, weights.shape[1], 2):  # two at once: half the additions in memory
                row, next_row = source[min(first[y] + tap, last)], source[min(first[y] + tap + 1, last)]
                weight, next_weight = weights[y, tap], weights[y, tap + 1]
                for x in range(width):
                    totals[x] += np.int32(row[x]) * weight + np.int32(next_row[x]) * next_weight
            target = result[plane, y]
            for x in range(width):
                target[x] = min(max(totals[x] >> 22, 0), 255)


def _weigh_colours(colours: Pixels, grey: Pixels) -> None:
    """(3 n,) -> (n,). Positions are unsigned, so that numba does not check whether one is negative."""
    for pixel in range(np.uint64(len(grey))):
        first = np.uint64(3) * pixel
        red, green, blue = colours[first], colours[first + np.uint64(1)], colours[first + np.uint64(2)]
        weighed = np.uint32(red) * np.uint32(19595) + np.uint32(green) * np.uint32(38470)
        grey[pixel] = np.uint32(weighed + np.uint32(blue) * np.uint32(7471) + np.uint32(0x8000)) >> np.uint32(16)
