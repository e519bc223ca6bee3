"""Blur and noise of PARSeq's augmentation: Pillow's pixels, and the distribution of imgaug's Poisson noise."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ocr_models.machine_code import compiled
from ocr_models.parseq.draw import Draw
from ocr_models.parseq.moving_operations import transposed
from ocr_models.parseq.pixel_loops import BLUR_BITS, Image, add_grey_noise, blur_lines

BOX_PASSES = 3
BLUR_RADIUS, BLUR_SHARE = 2, 0.02  # pixels, and at most this share of the longer side
NOISE_RATE, NOISE_SHARE = 20, 0.2  # grey levels, and at most this number of them per pixel of the longer side


def blur(image: Image, _: Draw) -> Image:
    """Blur as a Gaussian does: three box blurs along each axis."""
    longer = max(image.shape[:2])
    radius = round(min(BLUR_RADIUS, max(1, BLUR_SHARE * longer)))
    weights = box_weights(radius)
    return _blurred_down(transposed(_blurred_down(transposed(image), weights)), weights)


def _blurred_down(image: Image, weights: tuple[int, int, int]) -> Image:
    lines = image.reshape(len(image), -1)
    for _pass in range(BOX_PASSES):
        blurred = np.empty_like(lines)
        compiled(blur_lines)(lines, blurred, weights)
        lines = blurred
    return lines.reshape(image.shape)


@cache
def box_weights(radius: float) -> tuple[int, int, int]:
    """The box whose repeated use has the variance of a Gaussian of this radius, at most 2, as `blur_lines` takes it.

    The radius of the box is a whole number, 0 or 1, and a fraction (Gwosdek et al., Theoretical Foundations of
    Gaussian Convolution by Extended Box Filtering, 2011).
    """
    single = np.float32  # as Pillow computes it; a weight that differs in its last bit gives other bytes
    variance = single(radius) * single(radius) / single(BOX_PASSES)
    whole = int((math.sqrt(12.0 * float(variance) + 1.0) - 1.0) / 2.0)
    one, beyond = single(2 * whole + 1), single((whole + 1) ** 2)
    fraction = one * (single(whole * (whole + 1)) - single(3) * variance) / (single(6) * (variance - beyond))
    inner = int(single(1 << BLUR_BITS) / ((single(whole) + fraction) * single(2) + single(1)))
    outer = ((1 << BLUR_BITS) - (2 * whole + 1) * inner) // 2
    return (inner, inner, outer) if whole else (inner, outer, 0)


def noise(image: Image, draw: Draw) -> Image:
    """Add a Poisson number with a random sign to each pixel, the same in the three channels."""
    height, width = image.shape[:2]
    rate = round(min(NOISE_RATE, max(1, NOISE_SHARE * max(height, width)))) | 1
    numbers = np.frombuffer(draw.rng.bytes(2 * height * width), np.uint16).reshape(height, width)
    out = np.empty_like(image)
    compiled(add_grey_noise)(image, out, numbers, noise_table(rate))
    return out


@cache
def noise_table(rate: int) -> NDArray[np.int16]:
    """(65536,): a uniform 16-bit number -> a Poisson number of this rate, half of them negative.

    Each number is as frequent as its probability, rounded to a multiple of 2^-15.
    """
    logarithms = [k * math.log(rate) - rate - math.lgamma(k + 1) for k in range(256)]
    ends = np.rint(np.cumsum(np.exp(logarithms)) * 2**15).astype(np.int64)  # (256,)
    positive = np.searchsorted(ends, np.arange(2**15), side="right").astype(np.int16)
    return np.concatenate((positive, -positive))
