"""The operations of PARSeq's augmentation that change the values of pixels, but not their places.

They give the pixels of Pillow's operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.machine_code import compiled
from ocr_models.parseq.draw import Draw
from ocr_models.parseq.pixel_loops import (
    Image,
    blend_with_grey,
    contrast_table,
    count_values,
    equalising_table,
    map_values,
)

Table = NDArray[np.uint8]
"""(256,): value before -> value after."""

POSTERISED_BITS = 2
SOLARISE_THRESHOLD = 128
SOLARISE_ADDITION = 55
ENHANCEMENT = 0.45
"""Colour, contrast and brightness are changed by the factor 1 plus or minus this."""

LEVELS = np.arange(256)
POSTERISE: Table = (LEVELS & ~((1 << (8 - POSTERISED_BITS)) - 1)).astype(np.uint8)
SOLARISE: Table = np.where(LEVELS < SOLARISE_THRESHOLD, LEVELS, 255 - LEVELS).astype(np.uint8)
SOLARISE_ADD: Table = np.where(LEVELS < SOLARISE_THRESHOLD, np.minimum(LEVELS + SOLARISE_ADDITION, 255), LEVELS).astype(
    np.uint8
)


def mapped(image: Image, table: Table) -> Image:
    """The image with its values replaced."""
    return np.asarray(cv2.LUT(image, table), np.uint8)


def mapped_by_channel(image: Image, write_table: Callable[[NDArray[np.int64], NDArray[np.uint8]], None]) -> Image:
    """The image with the values of each channel replaced, by the table that follows from how often each occurs."""
    counts = np.zeros((3, 256), np.int64)
    compiled(count_values)(image, counts)
    table = np.empty((3, 256), np.uint8)
    compiled(write_table)(counts, table)
    out = np.empty_like(image)
    compiled(map_values)(image, out, table)
    return out


def auto_contrast(image: Image, _: Draw) -> Image:
    """Stretch the values of each channel to 0 ... 255."""
    return mapped_by_channel(image, contrast_table)


def equalise(image: Image, _: Draw) -> Image:
    """Spread the values of each channel so that all occur about equally often."""
    return mapped_by_channel(image, equalising_table)


def invert(image: Image, _: Draw) -> Image:
    """Replace each value by its complement."""
    return np.asarray(cv2.bitwise_not(image), np.uint8)


def posterise(image: Image, _: Draw) -> Image:
    """Keep the two highest bits of each value."""
    return mapped(image, POSTERISE)


def solarise(image: Image, _: Draw) -> Image:
    """Invert what is bright."""
    return mapped(image, SOLARISE)


def solarise_add(image: Image, _: Draw) -> Image:
    """Brighten what is dark."""
    return mapped(image, SOLARISE_ADD)


def colour(image: Image, draw: Draw) -> Image:
    """Move each pixel towards its luminance or away from it."""
    out = np.empty_like(image)
    compiled(blend_with_grey)(image.reshape(-1), out.reshape(-1), np.float32(1 + draw.sign * ENHANCEMENT))
    return out


def contrast(image: Image, draw: Draw) -> Image:
    """Move each value towards the mean luminance or away from it."""
    mean = int(cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0] + 0.5)
    return mapped(image, blended_table(mean, draw.sign))


def brightness(image: Image, draw: Draw) -> Image:
    """Multiply each value."""
    return mapped(image, blended_table(0, draw.sign))


@cache
def blended_table(level: int, sign: float) -> Table:
    """Each value moved away from a grey level if the sign is positive, or towards it."""
    factor = np.float32(1 + sign * ENHANCEMENT)  # single precision, as in Pillow
    moved = np.float32(level) + factor * (LEVELS - level).astype(np.float32)
    table: Table = np.clip(moved, 0, 255).astype(np.uint8)
    return table
