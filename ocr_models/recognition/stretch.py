"""Stretching of word images to the size of a network's input: exactly Pillow's bicubic resampling.

Both recipes resize with Pillow. Its filter covers all source pixels of a target pixel, so it smooths what it shrinks;
OpenCV's bicubic filter always covers 4 x 4 pixels, which is another picture.
"""

from __future__ import annotations

from functools import lru_cache
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
        values: (target, taps) int32, the weights of this pixel and the next ones; 0 behind the end.
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
    if _rows_first(image.shape, height, width):
        return _with_columns(_with_rows(image, height), width)
    return _with_rows(_with_columns(image, width), height)


def _with_rows(image: Pixels, height: int) -> Pixels:
    """(H, W) or (H, W, C) -> resampled to `height` rows; the image itself if it has them."""
    if height == len(image):
        return image
    result = np.empty((height, *image.shape[1:]), np.uint8)
    compiled(_resample)(
        np.ascontiguousarray(image).reshape(len(image), -1),
        *line_weights(len(image), height),
        result.reshape(height, -1),
    )
    return result


def _with_columns(image: Pixels, width: int) -> Pixels:
    """The same for columns. As rows, their neighbours are contiguous, and one instruction computes many."""
    return _transposed(_with_rows(_transposed(image), width))


def _transposed(image: Pixels) -> Pixels:
    return np.asarray(cv2.transpose(image), np.uint8)


def grey_of(image: Pixels) -> Pixels:
    """(H, W, 3) uint8 RGB -> (H, W) uint8: the brightness of ITU-R 601, rounded exactly as by Pillow."""
    grey = np.empty(image.shape[:2], np.uint8)
    compiled(_weigh_colours)(np.ascontiguousarray(image).reshape(-1), grey.reshape(-1))
    return grey


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
    taps = first[:, None] + np.arange(int((end - first).max()))  # (target, taps)
    values = np.where(taps < end[:, None], _bicubic((taps - centres[:, None] + 0.5) * (1 / stretching)), 0.0)
    values *= 1 / values.cumsum(1)[:, -1:]  # cumsum adds one after another, as Pillow does
    integers = np.trunc(values * (1 << FRACTION_BITS) + np.copysign(0.5, values)).astype(np.int32)
    return Weights(first.astype(np.int32), integers)


def _bicubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    a, x = SHARPNESS, np.abs(distance)
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _resample(source: Pixels, first: NDArray[np.int32], weights: NDArray[np.int32], result: Pixels) -> None:
    """(H, W * C) -> (height, W * C)."""
    totals = np.empty(source.shape[1], np.int32)
    for y in range(len(first)):
        totals[:] = 1 << 21  # a half
        for tap in range(min(weights.shape[1], len(source) - first[y])):
            weight, row = weights[y, tap], source[first[y] + tap]
            for x in range(len(totals)):
                totals[x] += np.int32(row[x]) * weight
        for x in range(len(totals)):
            result[y, x] = min(max(totals[x] >> 22, 0), 255)


def _weigh_colours(colours: Pixels, grey: Pixels) -> None:
    """(3 n,) -> (n,). Positions are unsigned, so that numba does not check whether one is negative."""
    for pixel in range(np.uint64(len(grey))):
        first = np.uint64(3) * pixel
        red, green, blue = colours[first], colours[first + np.uint64(1)], colours[first + np.uint64(2)]
        weighed = np.uint32(red) * np.uint32(19595) + np.uint32(green) * np.uint32(38470)
        grey[pixel] = np.uint32(weighed + np.uint32(blue) * np.uint32(7471) + np.uint32(0x8000)) >> np.uint32(16)
