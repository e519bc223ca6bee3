"""Loops that interpolate between the pixels of an RGB image. numba compiles them on the first call.

Images are (H, W, 3) uint8, contiguous. Values are truncated, as by Pillow.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ocr_models.parseq.pixel_loops import Image

NEAR = 1e-9
"""Added before a value is truncated: a sum of weights may miss a whole number by its last bit."""

EDGE = 2
"""Pixels that the cubic filter needs beyond each edge, less one."""

BLOCK = 64
"""Pixels that are collected before they are interpolated: what one instruction reads must be contiguous."""


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


def pack_with_edges(image: Image, packed: NDArray[np.uint32]) -> None:
    """Write red + 2^8 green + 2^16 blue of an image (H, W, 3) to `packed`, (H + 4, W + 4), with its edges repeated."""
    height, width, _ = image.shape
    for row in range(height + 2 * EDGE):
        source, target = image[min(max(row - EDGE, 0), height - 1)].reshape(3 * width), packed[row]
        for column in range(np.uint64(width)):
            first = np.uint64(3) * column
            red, green, blue = source[first], source[first + np.uint64(1)], source[first + np.uint64(2)]
            colour = np.uint32(red) | np.uint32(green) << np.uint32(8) | np.uint32(blue) << np.uint32(16)
            target[column + np.uint64(EDGE)] = colour
        target[:EDGE] = target[EDGE]
        target[width + EDGE :] = target[width + EDGE - 1]


def map_affinely(packed: NDArray[np.uint32], out: Image, matrix: tuple[float, ...], fill: int, cubic: bool) -> None:
    """Sample an image at the positions that an affine map assigns to the centres of the pixels of `out`.

    The pixel (x, y) of `out` shows (a X + b Y + c, d X + e Y + f), where X = x + 0.5 and Y = y + 0.5, in pixels of
    the image counted from its outer edge. Interpolation and edges are those of `shift_lines`.

    Args:
        packed: (H + 4, W + 4), the image as `pack_with_edges` writes it.
        out: (h, w, 3), written to.
        matrix: a, b, c, d, e, f.
        fill: a grey level.
        cubic: else bilinear.
    """
    a, b, c, d, e, f = matrix
    height, pitch = packed.shape[0] - 2 * EDGE, packed.shape[1]
    width, columns = pitch - 2 * EDGE, out.shape[1]
    pixels = packed.reshape(packed.size)
    inner = 0 if cubic else pitch + 1  # from the corner of the square of 4 x 4 pixels to that of the one that counts
    block = np.empty(16 * BLOCK, np.uint32)
    parts = np.empty(2 * BLOCK)
    for row in range(len(out)):
        first, end = columns, 0
        for column in range(columns):
            x, y = a * (column + 0.5) + b * (row + 0.5) + c, d * (column + 0.5) + e * (row + 0.5) + f
            is_inside = (x >= 0.0) & (x < width) & (y >= 0.0) & (y < height)
            first, end = min(first, column if is_inside else columns), max(end, column + 1 if is_inside else 0)
        first = min(first, end)
        line = out[row].reshape(3 * columns)
        line[: 3 * first] = fill
        line[3 * end :] = fill
        for start in range(first, end, BLOCK):
            count = min(BLOCK, end - start)
            for place in range(np.uint64(count)):
                x = a * (np.int64(place) + start + 0.5) + b * (row + 0.5) + c - 0.5
                y = d * (np.int64(place) + start + 0.5) + e * (row + 0.5) + f - 0.5
                left, above = math.floor(x), math.floor(y)
                parts[place], parts[place + np.uint64(BLOCK)] = x - left, y - above
                corner = np.uint64((above + 1) * pitch + left + 1 + inner)
                if cubic:
                    for tap in range(16):
                        block[place + np.uint64(BLOCK * tap)] = pixels[corner + np.uint64((tap >> 2) * pitch + tap % 4)]
                else:
                    for tap in range(4):
                        block[place + np.uint64(BLOCK * tap)] = pixels[corner + np.uint64((tap >> 1) * pitch + tap % 2)]
            target = line[3 * start : 3 * (start + count)]
            if cubic:  # one loop for 16 pixels and one for 4: both are unrolled, then computed for many places at once
                for place in range(np.uint64(count)):
                    s, t = parts[place], parts[place + np.uint64(BLOCK)]
                    weights_across = (
                        s * (s * (2.0 - s) - 1.0),
                        s * s * (s - 2.0) + 1.0,
                        s * (s * (1.0 - s) + 1.0),
                        s * s * (s - 1.0),
                    )
                    weights_down = (
                        t * (t * (2.0 - t) - 1.0),
                        t * t * (t - 2.0) + 1.0,
                        t * (t * (1.0 - t) + 1.0),
                        t * t * (t - 1.0),
                    )
                    red, green, blue = NEAR, NEAR, NEAR
                    tap = place
                    for down in weights_down:
                        for across in weights_across:
                            weight, colour = down * across, np.int32(block[tap])
                            red += weight * np.int32(colour & np.int32(255))
                            green += weight * np.int32(colour >> np.int32(8) & np.int32(255))
                            blue += weight * np.int32(colour >> np.int32(16))
                            tap += np.uint64(BLOCK)
                    target[np.uint64(3) * place] = np.int32(min(max(red, 0.0), 255.0))
                    target[np.uint64(3) * place + np.uint64(1)] = np.int32(min(max(green, 0.0), 255.0))
                    target[np.uint64(3) * place + np.uint64(2)] = np.int32(min(max(blue, 0.0), 255.0))
            else:
                for place in range(np.uint64(count)):
                    s, t = parts[place], parts[place + np.uint64(BLOCK)]
                    red, green, blue = NEAR, NEAR, NEAR
                    tap = place
                    for down in (1.0 - t, t):
                        for across in (1.0 - s, s):
                            weight, colour = down * across, np.int32(block[tap])
                            red += weight * np.int32(colour & np.int32(255))
                            green += weight * np.int32(colour >> np.int32(8) & np.int32(255))
                            blue += weight * np.int32(colour >> np.int32(16))
                            tap += np.uint64(BLOCK)
                    target[np.uint64(3) * place] = np.int32(min(max(red, 0.0), 255.0))
                    target[np.uint64(3) * place + np.uint64(1)] = np.int32(min(max(green, 0.0), 255.0))
                    target[np.uint64(3) * place + np.uint64(2)] = np.int32(min(max(blue, 0.0), 255.0))
