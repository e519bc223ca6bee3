"""The operations of PARSeq's augmentation that move pixels. What comes into the picture is grey.

Their pixels are those of Pillow's operations, or differ from them by one grey level.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ocr_models.machine_code import compiled
from ocr_models.parseq.draw import Draw
from ocr_models.parseq.interpolation_loops import EDGE, map_affinely, pack_with_edges, shift_lines
from ocr_models.parseq.pixel_loops import Image

FILL = 128
ROTATION_DEGREES = 15.0
SHEAR_X, SHEAR_Y = 0.45, 0.1
SHIFT_X, SHIFT_Y = 0.05, 0.15  # of the width, of the height


def rotate(image: Image, draw: Draw) -> Image:
    """Rotate about the centre, counter-clockwise if the sign is positive; the canvas grows to hold all of it."""
    height, width = image.shape[:2]
    angle = math.radians(draw.sign * ROTATION_DEGREES)
    cosine, sine = math.cos(angle), math.sin(angle)
    # Corners of the rotated image, relative to its centre. Positions of the output, from its own outer edge.
    xs = [width / 2 + x * cosine + y * sine for x in (-width / 2, width / 2) for y in (-height / 2, height / 2)]
    ys = [height / 2 - x * sine + y * cosine for x in (-width / 2, width / 2) for y in (-height / 2, height / 2)]
    columns = math.ceil(max(xs)) - math.floor(min(xs))
    rows = math.ceil(max(ys)) - math.floor(min(ys))
    x0 = width / 2 - columns / 2 * cosine + rows / 2 * sine
    y0 = height / 2 - columns / 2 * sine - rows / 2 * cosine
    out = np.empty((rows, columns, 3), np.uint8)
    packed = np.empty((height + 2 * EDGE, width + 2 * EDGE), np.uint32)
    compiled(pack_with_edges)(image, packed)
    compiled(map_affinely)(packed, out, (cosine, -sine, x0, sine, cosine, y0), FILL, draw.cubic)
    return out


def shear_x(image: Image, draw: Draw) -> Image:
    """Shift each line by a share of its distance from the upper edge."""
    return _moved(image, draw.sign * SHEAR_X, 0.0, draw.cubic)


def shear_y(image: Image, draw: Draw) -> Image:
    """Shift each column by a share of its distance from the left edge."""
    return transposed(_moved(transposed(image), draw.sign * SHEAR_Y, 0.0, draw.cubic))


def shift_x(image: Image, draw: Draw) -> Image:
    """Shift the image along its lines."""
    return _moved(image, 0.0, draw.sign * SHIFT_X * image.shape[1], draw.cubic)


def shift_y(image: Image, draw: Draw) -> Image:
    """Shift the image along its columns."""
    return transposed(_moved(transposed(image), 0.0, draw.sign * SHIFT_Y * image.shape[0], draw.cubic))


def _moved(image: Image, slope: float, offset: float, cubic: bool) -> Image:
    """Each line moved to the left: that at the height y, from the upper edge of the image, by slope * y + offset."""
    out = np.empty_like(image)
    compiled(shift_lines)(image, out, slope, offset, FILL, cubic)
    return out


def transposed(image: Image) -> Image:
    """Rows become columns."""
    return np.asarray(cv2.transpose(image), np.uint8).reshape(image.shape[1], image.shape[0], 3)
