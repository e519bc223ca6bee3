"""Loops over the pixels of an RGB image that give Pillow's results in less time. numba compiles them on the first call.

Images are (H, W, 3) uint8, contiguous. Pillow truncates where it interpolates and rounds where it blurs, in this order
of operations, and so do these loops.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

BLUR_BITS = 24
"""Pillow's box blur computes with fractions of this many bits."""

NEAR = 1e-9
"""Added before a value is truncated: a sum of weights may miss a whole number by its last bit."""


def shift_lines(image: Image, out: Image, slope: float, offset: float, fill: int, cubic: bool) -> None:
    """Shift each line of an image to the left: line r by slope (r + 0.5) + offset pixels.

    Pixels are interpolated bilinearly, or by a cubic with the slope -1; those of the edge are repeated where the filter
    needs more.

    Args:
        image: (H, W, 3).
        out: of the same shape, written to.
        slope: pixels per line.
        offset: in pixels.
        fill: grey level of what comes into the picture.
        cubic: else bilinear.
    """
    height, width, _ = image.shape
    line = np.empty(3 * (width + 4))  # with two pixels more at either end
    for row in range(height):
        shift = slope * (row + 0.5) + offset
        part = shift - math.floor(shift)
        if cubic:
            w0, w1 = part * (part * (2.0 - part) - 1.0), part * part * (part - 2.0) + 1.0
            w2, w3 = part * (part * (1.0 - part) + 1.0), part * part * (part - 1.0)
        else:
            w0, w1, w2, w3 = 0.0, 1.0 - part, part, 0.0
        first = min(max(math.ceil(-shift - 0.5), 0), width)
        end = max(min(math.ceil(width - shift - 0.5), width), first)
        source, target = image[row].reshape(3 * width), out[row].reshape(3 * width)
        for place in range(3 * width):
            line[place + 6] = source[place]
        for place in range(6):
            line[place] = source[place % 3]
            line[3 * width + 6 + place] = source[3 * width - 3 + place % 3]
        target[: 3 * first] = fill
        target[3 * end :] = fill
        start = 3 * (first + math.floor(shift) + 1)  # of the pixel before the left neighbour
        taps = line[start:]
        inside = target[3 * first : 3 * end]
        for place in range(len(inside)):
            value = w0 * taps[place] + w1 * taps[place + 3] + w2 * taps[place + 6] + w3 * taps[place + 9] + NEAR
            inside[place] = np.int32(min(max(value, 0.0), 255.0))


def map_affinely(image: Image, out: Image, matrix: tuple[float, ...], fill: int, cubic: bool) -> None:
    """Sample `image` at the positions that an affine map assigns to the centres of the pixels of `out`.

    The pixel (x, y) of `out` shows (a X + b Y + c, d X + e Y + f), where X = x + 0.5 and Y = y + 0.5, in pixels of
    `image` counted from its outer edge. Interpolation and edges are those of `shift_lines`.

    Args:
        image: (H, W, 3).
        out: (h, w, 3), written to.
        matrix: a, b, c, d, e, f.
        fill: a grey level.
        cubic: else bilinear.
    """
    a, b, c, d, e, f = matrix
    height, width, _ = image.shape
    weights = np.empty((2, 4))
    first, end = (0, 4) if cubic else (1, 3)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            x = a * (column + 0.5) + b * (row + 0.5) + c
            y = d * (column + 0.5) + e * (row + 0.5) + f
            if not (0.0 <= x < width and 0.0 <= y < height):
                for channel in range(3):
                    out[row, column, channel] = fill
                continue
            left, above = math.floor(x - 0.5), math.floor(y - 0.5)
            for axis in range(2):
                part = x - 0.5 - left if axis == 0 else y - 0.5 - above
                if cubic:
                    weights[axis, 0] = part * (part * (2.0 - part) - 1.0)
                    weights[axis, 1] = part * part * (part - 2.0) + 1.0
                    weights[axis, 2] = part * (part * (1.0 - part) + 1.0)
                    weights[axis, 3] = part * part * (part - 1.0)
                else:
                    weights[axis, 1], weights[axis, 2] = 1.0 - part, part
            red, green, blue = NEAR, NEAR, NEAR
            for down in range(first, end):
                line = np.uint64(min(max(above - 1 + down, 0), height - 1))
                for across in range(first, end):
                    place = np.uint64(min(max(left - 1 + across, 0), width - 1))
                    weight = weights[1, down] * weights[0, across]
                    red += weight * image[line, place, 0]
                    green += weight * image[line, place, 1]
                    blue += weight * image[line, place, 2]
            out[row, column, 0] = int(min(max(red, 0.0), 255.0))
            out[row, column, 1] = int(min(max(green, 0.0), 255.0))
            out[row, column, 2] = int(min(max(blue, 0.0), 255.0))


def blur_lines(lines: NDArray[np.uint8], out: NDArray[np.uint8], whole: int, inner: int, outer: int) -> None:
    """Box-blur along the first axis of (n, m); the pixels of the edge are repeated.

    A pixel and `whole` neighbours on either side count `inner`, the two beyond them `outer`, in units of 2^-24.
    """
    last = len(lines) - 1
    weight, far_weight, half = np.uint32(inner), np.uint32(outer), np.uint32(1 << (BLUR_BITS - 1))
    near = np.empty(lines.shape[1], np.uint32)
    for line in range(len(lines)):
        near[:] = lines[line]
        for distance in range(1, whole + 1):
            before, after = lines[max(line - distance, 0)], lines[min(line + distance, last)]
            for place in range(len(near)):
                near[place] += np.uint32(before[place]) + np.uint32(after[place])
        before, after = lines[max(line - whole - 1, 0)], lines[min(line + whole + 1, last)]
        for place in range(len(near)):
            far = np.uint32(before[place]) + np.uint32(after[place])
            total = np.uint32(near[place] * weight + far * far_weight + half)
            out[line, place] = total >> np.uint32(BLUR_BITS)


def blend_with_grey(image: Image, out: Image, factor: np.float32) -> None:
    """Move each pixel away from its own luminance: by `factor`, 0 grey and 1 unchanged."""
    zero, top = np.float32(0), np.float32(255)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            red, green, blue = image[row, column, 0], image[row, column, 1], image[row, column, 2]
            grey = (np.int32(red) * 19595 + np.int32(green) * 38470 + np.int32(blue) * 7471 + 0x8000) >> 16
            for channel in range(3):
                difference = np.float32(np.int32(image[row, column, channel]) - grey)
                value = np.float32(grey) + factor * difference
                out[row, column, channel] = np.uint8(min(max(value, zero), top))


def add_grey_noise(image: Image, out: Image, numbers: NDArray[np.uint16], table: NDArray[np.int16]) -> None:
    """Add `table[number]` to the three channels of each pixel; `numbers` is (H, W)."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            noise = np.int32(table[numbers[row, column]])
            for channel in range(3):
                value = np.int32(image[row, column, channel]) + noise
                out[row, column, channel] = np.uint8(min(max(value, 0), 255))


def count_values(image: Image, counts: NDArray[np.int64]) -> None:
    """Add to `counts`, (3, 256), how often each channel has each value."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            for channel in range(3):
                counts[channel, image[row, column, channel]] += 1


def map_values(image: Image, out: Image, table: NDArray[np.uint8]) -> None:
    """Replace the values of each channel; `table` is (3, 256)."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            for channel in range(3):
                out[row, column, channel] = table[channel, image[row, column, channel]]
