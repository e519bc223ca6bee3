"""Stretching of word images to the size of a network's input: exactly Pillow's bicubic resampling.

Both recipes resize with Pillow. Its filter covers all source pixels of a target pixel, so it smooths what it shrinks;
OpenCV's bicubic filter always covers 4 x 4 pixels, which is another picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    source_height, source_width = image.shape[:2]
    channels = image.size // (source_height * source_width)
    pixels = np.ascontiguousarray(image).reshape(source_height, -1)  # (H, W * C)
    columns, rows = line_weights(source_width, width), line_weights(source_height, height)
    resample_columns, resample_rows = _passes()
    if _rows_first(image.shape, height, width):
        between = np.empty((height, source_width * channels), np.uint8)
        result = np.empty((height, width * channels), np.uint8)
        resample_rows(pixels, *rows, between)
        resample_columns(between, channels, *columns, result)
    else:
        between = np.empty((source_height, width * channels), np.uint8)
        result = np.empty((height, width * channels), np.uint8)
        resample_columns(pixels, channels, *columns, between)
        resample_rows(between, *rows, result)
    return result.reshape(height, width, *image.shape[2:])


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


Columns = Callable[[Pixels, int, NDArray[np.int32], NDArray[np.int32], Pixels], None]
Rows = Callable[[Pixels, NDArray[np.int32], NDArray[np.int32], Pixels], None]


@cache
def _passes() -> tuple[Columns, Rows]:
    """Both passes as machine code. numba is imported here because its import takes long."""
    import numba

    njit: Any = numba.njit  # its result has a type that is not callable
    try:
        return njit(cache=True)(_resample_columns), njit(cache=True)(_resample_rows)
    except RuntimeError:  # numba found no writable folder for the machine code
        return njit(_resample_columns), njit(_resample_rows)


def _resample_columns(
    source: Pixels, channels: int, first: NDArray[np.int32], weights: NDArray[np.int32], result: Pixels
) -> None:
    """(H, W * C) -> (H, width * C); compiled by numba."""
    width = source.shape[1] // channels
    for y in range(len(source)):
        for x in range(len(first)):
            taps = min(weights.shape[1], width - first[x])
            for channel in range(channels):
                total = np.int32(1 << 21)  # a half
                for tap in range(taps):
                    total += np.int32(source[y, (first[x] + tap) * channels + channel]) * weights[x, tap]
                result[y, x * channels + channel] = min(max(total >> 22, 0), 255)


def _resample_rows(source: Pixels, first: NDArray[np.int32], weights: NDArray[np.int32], result: Pixels) -> None:
    """(H, W * C) -> (height, W * C); compiled by numba."""
    for y in range(len(first)):
        taps = min(weights.shape[1], len(source) - first[y])
        for x in range(source.shape[1]):
            total = np.int32(1 << 21)  # a half
            for tap in range(taps):
                total += np.int32(source[first[y] + tap, x]) * weights[y, tap]
            result[y, x] = min(max(total >> 22, 0), 255)
