"""Loops over the pixels of an RGB image that give Pillow's results in less time. numba compiles them on the first call.

Images are (H, W, 3) uint8, contiguous. Pillow rounds where it blurs and truncates elsewhere, and so do these loops.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

BLUR_BITS = 24
"""Pillow's box blur computes with fractions of this many bits."""


def blur_lines(lines: NDArray[np.uint8], out: NDArray[np.uint8], weights: tuple[int, int, int]) -> None:
    """Blur along the first axis of (n, m); the pixels of the edge are repeated.

    `weights`: of a pixel, of each neighbour and of those beyond them, in units of 2^-24.
    """
    last = len(lines) - 1
    own, near, far = np.uint32(weights[0]), np.uint32(weights[1]), np.uint32(weights[2])
    for line in range(len(lines)):
        centre, target = lines[line], out[line]
        before, after = lines[max(line - 1, 0)], lines[min(line + 1, last)]
        far_before, far_after = lines[max(line - 2, 0)], lines[min(line + 2, last)]
        for place in range(lines.shape[1]):
            neighbours = np.uint32(before[place]) + np.uint32(after[place])
            beyond = np.uint32(far_before[place]) + np.uint32(far_after[place])
            total = centre[place] * own + np.uint32(neighbours) * near + np.uint32(beyond) * far
            target[place] = np.uint32(total + np.uint32(1 << (BLUR_BITS - 1))) >> np.uint32(BLUR_BITS)


def blend_with_grey(colours: NDArray[np.uint8], out: NDArray[np.uint8], factor: np.float32) -> None:
    """Move each pixel away from its own luminance: by `factor`, 0 grey and 1 unchanged.

    The pixels are in one line, (3 n,). Positions are unsigned, so that numba does not check whether one is negative.
    """
    zero, top = np.float32(0), np.float32(255)
    for pixel in range(np.uint64(len(colours) // 3)):
        first = np.uint64(3) * pixel
        second, third = first + np.uint64(1), first + np.uint64(2)
        red, green, blue = np.int32(colours[first]), np.int32(colours[second]), np.int32(colours[third])
        weighed = np.int32(red * np.int32(19595) + green * np.int32(38470) + blue * np.int32(7471))
        grey = np.int32(np.int32(weighed + np.int32(0x8000)) >> np.int32(16))
        level = np.float32(grey)
        out[first] = np.int32(min(max(level + factor * np.float32(np.int32(red - grey)), zero), top))
        out[second] = np.int32(min(max(level + factor * np.float32(np.int32(green - grey)), zero), top))
        out[third] = np.int32(min(max(level + factor * np.float32(np.int32(blue - grey)), zero), top))


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


def contrast_table(counts: NDArray[np.int64], table: NDArray[np.uint8]) -> None:
    """Write to `table`, (3, 256), what stretches the values of each channel to 0 ... 255. `counts`: see above."""
    for channel in range(3):
        low, high = 0, 255
        while low < 255 and counts[channel, low] == 0:
            low += 1
        while high > 0 and counts[channel, high] == 0:
            high -= 1
        scale = 255.0 / (high - low) if high > low else 1.0
        offset = -low * scale if high > low else 0.0
        for level in range(256):
            table[channel, level] = np.int32(min(max(level * scale + offset, 0.0), 255.0))


def equalising_table(counts: NDArray[np.int64], table: NDArray[np.uint8]) -> None:
    """Write to `table`, (3, 256), what makes all values of each channel about equally frequent."""
    for channel in range(3):
        highest, total = 0, 0
        for level in range(256):
            total += counts[channel, level]
            if counts[channel, level]:
                highest = level
        step = (total - counts[channel, highest]) // 255
        below = step // 2
        for level in range(256):
            table[channel, level] = min(below // step, 255) if step else level
            below += counts[channel, level]
