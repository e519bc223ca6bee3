"""PSENet's training augmentation as one affine warp from the source image to the crop.

The recipe works step by step: resize, flip, rotate, crop, pad. Here the same random numbers make one `Augmentation`,
whose matrices map source pixels and scaled pixels to the crop. So every pixel of the crop is interpolated once, and
nothing outside the crop is computed.

The warp is bilinear from the source, as the recipe's resize is; below a scale of one neither smooths first. The recipe
then rotates by nearest pixels, which displaces by up to half a pixel and blurs nothing. So one bilinear step shows the
network the same sharpness, without the displacement.

Pixel (x, y) is the sample at x, y; an image of width w spans -0.5 ... w - 0.5. That is OpenCV's convention in resize.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.polygons import PolygonBatch, clip_polygon

if TYPE_CHECKING:
    from ocr_models.detection.warp import Shape

SCALES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
ASPECTS = (0.9, 0.95, 1.0, 1.05, 1.1)
SIDE_MULTIPLE = 32
MAX_SCALED = 2**30  # pixels; texts far outside a tiny image must not wrap around in int32
MAX_ANGLE_DEGREES = 10.0
TEXT_AWARE_CROP_SHARE = 5 / 8
BRIGHTNESS_RANGE = 32 / 255
SATURATION_RANGE = 0.5


@dataclass(frozen=True)
class Augmentation:
    """Everything random about one training sample.

    Attributes:
        source_shape: (rows, columns) of the image as stored.
        scaled_shape: (rows, columns) after resizing; both multiples of 32.
        flip: mirrored left to right after resizing.
        angle_degrees: rotation about the centre after the flip, counter-clockwise; the frame keeps its size.
        corner: (row, column) of the first pixel of the crop in the scaled, flipped and rotated frame.
        crop_size: side of the square crop in pixels.
        brightness, saturation: factors of the colour jitter.
        brightness_first: whether brightness is changed before saturation.

    Raises:
        ValueError: if a shape is not positive, or the crop leaves the frame.
    """

    source_shape: Shape
    scaled_shape: Shape
    flip: bool
    angle_degrees: float
    corner: Shape
    crop_size: int
    brightness: float
    saturation: float
    brightness_first: bool

    def __post_init__(self) -> None:
        if min(self.source_shape + self.scaled_shape) < 1 or self.crop_size < 1:
            raise ValueError(f"shapes must be positive: {self}")
        for first, side, visible in zip(self.corner, self.scaled_shape, self.visible, strict=True):
            if not 0 <= first <= side - visible:
                raise ValueError(f"the crop leaves the frame: {self}")

    @property
    def visible(self) -> Shape:
        """(rows, columns) of the part of the crop that the frame fills; padding is to its right and below."""
        rows, columns = self.scaled_shape
        return min(rows, self.crop_size), min(columns, self.crop_size)

    def scaled_to_frame(self) -> NDArray[np.float64]:
        """(2, 3) matrix: pixels of the scaled image -> pixels of the flipped and rotated frame."""
        return _flip_and_rotate(self.scaled_shape, self.flip, self.angle_degrees)

    def scaled_to_crop(self) -> NDArray[np.float64]:
        """(2, 3) matrix: pixels of the scaled image -> pixels of the crop."""
        matrix = self.scaled_to_frame()
        matrix[0, 2] -= self.corner[1]
        matrix[1, 2] -= self.corner[0]
        return matrix

    def source_to_crop(self) -> NDArray[np.float64]:
        """(2, 3) matrix: pixels of the source image -> pixels of the crop."""
        (source_rows, source_columns), (rows, columns) = self.source_shape, self.scaled_shape
        x_scale, y_scale = columns / source_columns, rows / source_rows
        matrix = self.scaled_to_crop()
        # a resize maps the centres of pixels: scaled = (source + 0.5) * scale - 0.5
        matrix[:, 2] += matrix[:, 0] * (0.5 * x_scale - 0.5) + matrix[:, 1] * (0.5 * y_scale - 0.5)
        matrix[:, 0] *= x_scale
        matrix[:, 1] *= y_scale
        return matrix


def draw_augmentation(
    rng: np.random.Generator, source_shape: Shape, polygons: PolygonBatch, crop_size: int
) -> Augmentation:
    """Draw the augmentation of one sample; `polygons`, in pixels of the source, influence the place of the crop."""
    scaled_shape = _draw_scaled_shape(rng, source_shape, crop_size)
    flip = bool(rng.random() < 0.5)
    angle_degrees = rng.uniform(-MAX_ANGLE_DEGREES, MAX_ANGLE_DEGREES)
    scaled = scale_polygons(polygons, source_shape, scaled_shape)
    matrix = _flip_and_rotate(scaled_shape, flip, angle_degrees)
    return Augmentation(
        source_shape=source_shape,
        scaled_shape=scaled_shape,
        flip=flip,
        angle_degrees=angle_degrees,
        corner=_draw_corner(rng, scaled_shape, scaled.transformed(matrix), crop_size),
        crop_size=crop_size,
        brightness=rng.uniform(1 - BRIGHTNESS_RANGE, 1 + BRIGHTNESS_RANGE),
        saturation=rng.uniform(1 - SATURATION_RANGE, 1 + SATURATION_RANGE),
        brightness_first=bool(rng.random() < 0.5),
    )


def scale_polygons(polygons: PolygonBatch, source_shape: Shape, scaled_shape: Shape) -> PolygonBatch:
    """Polygons in pixels of the source -> of the scaled image; vertices are truncated to int32, as in the recipe."""
    source_size, scaled_size = np.array(source_shape[::-1]), np.array(scaled_shape[::-1])
    scaled = polygons.points / source_size * scaled_size
    return polygons.with_points(scaled.clip(-MAX_SCALED, MAX_SCALED).astype(np.int32))


def _draw_scaled_shape(rng: np.random.Generator, source_shape: Shape, crop_size: int) -> Shape:
    rows, columns = source_shape
    scale = crop_size * SCALES[rng.integers(len(SCALES))] / min(rows, columns)
    root = math.sqrt(ASPECTS[rng.integers(len(ASPECTS))])
    return _round_up(rows * (scale * root)), _round_up(columns * (scale / root))


def _round_up(side: float) -> int:
    return math.ceil(max(int(side + 0.5), 1) / SIDE_MULTIPLE) * SIDE_MULTIPLE


def _flip_and_rotate(shape: Shape, flip: bool, angle_degrees: float) -> NDArray[np.float64]:
    rows, columns = shape
    matrix = np.asarray(cv2.getRotationMatrix2D((columns / 2, rows / 2), angle_degrees, 1.0), np.float64)
    if flip:
        matrix[:, 2] += matrix[:, 0] * (columns - 1)
        matrix[:, 0] *= -1
    return matrix


def _draw_corner(rng: np.random.Generator, shape: Shape, polygons: PolygonBatch, crop_size: int) -> Shape:
    """(row, column) of the crop; `polygons` are in pixels of the frame, whose (rows, columns) are `shape`."""
    extent = _text_extent(polygons, shape) if rng.random() < TEXT_AWARE_CROP_SHARE else None
    corner = []
    for axis, side in enumerate(shape):
        room = max(side - crop_size, 0)
        low, high = 0, room
        if extent is not None:
            low, high = (min(max(edge[axis] - crop_size, 0), room) for edge in extent)
        corner.append(int(rng.integers(low, high, endpoint=True)))
    return corner[0], corner[1]


def _text_extent(polygons: PolygonBatch, shape: Shape) -> tuple[Shape, Shape] | None:
    """(first row, first column), (last row, last column) of the text in the frame; None if there is none."""
    limit = np.array(shape[::-1]) - 1
    first, last = polygons.bounds()
    crossing = np.flatnonzero(((first < 0) | (last > limit)).any(1)).tolist()
    if crossing:
        pieces = polygons.arrays()
        for index in crossing:
            pieces[index] = clip_polygon(pieces[index], np.zeros(2), limit)
        polygons = PolygonBatch.of([piece for piece in pieces if len(piece)])
        first, last = polygons.bounds()
    if not len(polygons):
        return None
    first_x, first_y = np.rint(first.min(0)).astype(int).tolist()
    last_x, last_y = np.rint(last.max(0)).astype(int).tolist()
    return (first_y, first_x), (last_y, last_x)
