"""Progressive scale expansion: from PSENet's nested kernels to one label per text.

Source: Wang et al., "Shape Robust Text Detection with Progressive Scale Expansion Network", CVPR 2019, section 3.2, in
the visiting order of the authors' implementation, which decides which text gets a contested pixel.

The pixel loops are compiled by numba on the first call, and the machine code is kept for later runs. If numba is
missing, OpenCV and numpy compute the same result more slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ocr_models.machine_code import compiled

MAX_KERNELS = 8  # the kernels of a pixel are the bits of one byte

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int32]
Positions = NDArray[np.intp]
Label = Callable[[Bytes, Labels, Positions, int, int, float], None]
Grow = Callable[[Bytes, Labels, Positions, int, int], None]


def expand_kernels(kernels: ArrayLike, min_area: float) -> Labels:
    """Grow the smallest kernel of each text through the larger ones to the text map.

    Args:
        kernels: (K, H, W), K <= 8, nonzero inside: the text map, then the kernels, largest first.
        min_area: 4-connected components of the smallest kernel with fewer pixels are dropped.

    Returns:
        labels, (H, W) int32: 0 outside texts, else the number of the text. Texts are numbered by their first pixel in
        the smallest kernel, row by row; dropped components leave gaps in the numbers.

    Raises:
        ValueError: if `kernels` has another shape.
    """
    maps = np.asarray(kernels)
    if maps.ndim != 3 or not 1 <= len(maps) <= MAX_KERNELS:
        raise ValueError(f"kernels must have the shape (K, H, W) with K from 1 to {MAX_KERNELS}, not {maps.shape}")
    frame = _framed_bits(maps)  # (H+2, W+1)
    labels = np.zeros(frame.shape, np.int32)
    stride, smallest = frame.shape[1], len(maps) - 1
    seeds = np.flatnonzero(frame >= 1 << smallest)
    label, grow = _pixel_loops()
    levels, flat_labels = frame.reshape(-1), labels.reshape(-1)
    label(levels, flat_labels, seeds, stride, smallest, float(min_area))
    grow(levels, flat_labels, seeds[flat_labels[seeds] > 0], stride, smallest)
    return np.ascontiguousarray(labels[1:-1, :-1])


def _framed_bits(maps: NDArray[np.generic]) -> Bytes:
    """(K, H, W) -> (H+2, W+1): bit k is 1 if the pixel is in map k. A border of zeros gives all pixels neighbours.

    One column serves both sides: in the flattened frame, the end of the row above precedes a row's first pixel.
    """
    _, height, width = maps.shape
    bits, scratch = np.zeros((height, width), np.uint8), np.empty((height, width), np.bool_)
    for kernel in maps[::-1]:
        np.add(bits, bits, out=bits)  # numpy adds bytes faster than it shifts them
        np.bitwise_or(bits, _ones(kernel, scratch), out=bits)
    frame = np.zeros((height + 2, width + 1), np.uint8)
    frame[1:-1, :-1] = bits
    return frame


def _ones(kernel: NDArray[np.generic], scratch: NDArray[np.bool_]) -> Bytes:
    """1 inside the kernel. A new array for each kernel would cost as much as the comparison, hence `scratch`."""
    inside = kernel if kernel.dtype == np.bool_ else np.not_equal(kernel, 0, out=scratch)
    return inside.view(np.uint8)


@cache
def _pixel_loops() -> tuple[Label, Grow]:
    """The functions that label and grow seeds."""
    try:
        return compiled(_label), compiled(_grow)
    except ImportError:
        return _label_with_opencv, _grow_in_waves


def _label(levels: Bytes, labels: Labels, seeds: Positions, stride: int, smallest: int, min_area: float) -> None:
    """Number the components of the smallest kernel, and mark the pixels of those that are large enough.

    Compiled by numba, as is `_grow`. Positions are unsigned in both, so that numba does not check whether an index is
    negative, which would double the time.

    Args:
        levels: flattened frame of bits; set to 0 for pixels that get a label.
        labels: flattened frame of zeros, written to.
        seeds: positions in the frame of the pixels of the smallest kernel, row by row.
        stride: width of the frame.
        smallest: bit of the smallest kernel.
        min_area: components with fewer pixels get a number, but no label.
    """
    row, column = np.uint64(stride), np.uint64(1)
    seed_bit = np.uint8(1 << smallest)
    component = np.empty(len(seeds), np.uint32)
    number = 0
    for seed in seeds:
        if not levels[seed] & seed_bit:
            continue
        number += 1
        levels[seed] ^= seed_bit
        component[0] = seed
        size = 1
        position = 0
        while position < size:
            pixel = np.uint64(component[position])
            position += 1
            for neighbour in (pixel - row, pixel + row, pixel - column, pixel + column):
                if levels[neighbour] & seed_bit:
                    levels[neighbour] ^= seed_bit
                    component[size] = neighbour
                    size += 1
        if size >= min_area:
            for pixel in component[:size]:
                labels[pixel] = number
                levels[pixel] = 0


def _label_with_opencv(
    levels: Bytes, labels: Labels, seeds: Positions, stride: int, smallest: int, min_area: float
) -> None:
    """As `_label`, without numba."""
    smallest_kernel = (levels >= 1 << smallest).view(np.uint8).reshape(-1, stride)
    numbers = cv2.connectedComponents(smallest_kernel, connectivity=4)[1].reshape(-1)[seeds]
    kept = (np.bincount(numbers) >= min_area)[numbers]
    labels[seeds[kept]] = numbers[kept]
    levels[seeds[kept]] = 0


def _grow(levels: Bytes, labels: Labels, seeds: Positions, stride: int, smallest: int) -> None:
    """Grow `labels` from the labelled `seeds`, pixel by pixel, breadth first; arguments as for `_label`."""
    row, column = np.uint64(stride), np.uint64(1)
    queue = np.empty(labels.size, np.uint32)  # every pixel is claimed at most once
    waiting = len(seeds)
    queue[:waiting] = seeds
    for level in range(smallest - 1, -1, -1):
        bit = np.uint8(1 << level)
        still_ahead = np.uint8((1 << level) - 1)  # bits of the larger maps
        end = waiting
        waiting = 0
        position = 0
        while position < end:
            pixel = np.uint64(queue[position])
            position += 1
            around = levels[pixel - row] | levels[pixel + row] | levels[pixel - column] | levels[pixel + column]
            if around & bit:  # it claims neighbours, and is finished
                for neighbour in (pixel - row, pixel + row, pixel - column, pixel + column):
                    if levels[neighbour] & bit:
                        levels[neighbour] = 0
                        labels[neighbour] = labels[pixel]
                        queue[end] = neighbour
                        end += 1
            elif around & still_ahead:  # it waits for a larger map, in the part of the queue already read
                queue[waiting] = pixel
                waiting += 1


def _grow_in_waves(levels: Bytes, labels: Labels, seeds: Positions, stride: int, smallest: int) -> None:
    """As `_grow`, without numba. A wave is the content of the queue; the pixels that it claims are the next wave."""
    steps = np.array((-stride, stride, -1, 1))
    waiting = seeds
    for level in range(smallest - 1, -1, -1):
        has_work_left = (levels[waiting[:, None] + steps] & (2 << level) - 1).any(axis=1)
        wave, left_over = waiting[has_work_left], [waiting[:0]]
        while wave.size:
            neighbours = (wave[:, None] + steps).reshape(-1)  # (4 n,), in visiting order
            candidates = np.flatnonzero(levels[neighbours] & 1 << level)
            _, first = np.unique(neighbours[candidates], return_index=True)  # the first visitor gets the pixel
            claims = candidates[np.sort(first)]
            claimed, claimants = neighbours[claims], claims // len(steps)
            labels[claimed] = labels[wave[claimants]]
            levels[claimed] = 0
            left_over.append(np.delete(wave, claimants))
            wave = claimed
        waiting = np.concatenate(left_over)
