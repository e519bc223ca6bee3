"""The training augmentation of PSENet step by step, slow and obvious: the fast path is compared with it.

Full-size maps are drawn, then image and maps are flipped, rotated, cropped and padded one after the other. It draws its
own random numbers. It shares only two things with the fast path: the dataclass of those numbers, and the drawing of
labels on whole images, which has its own tests.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import cv2
import numpy as np

from ocr_models.psenet.augmentation import Augmentation
from ocr_models.psenet.targets import draw_targets
from packing import pack_targets


def draw(
    rng: random.Random, source_shape: tuple[int, int], polygons: Sequence[np.ndarray], crop_size: int
) -> Augmentation:
    """Draw the random numbers of the recipe; the crop is chosen by the real rotated text map."""
    rows, columns = source_shape
    scale = crop_size * rng.choice([0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]) / min(rows, columns)
    aspect = rng.choice([0.9, 0.95, 1.0, 1.05, 1.1])
    scaled_shape = (
        up_to_multiple_of_32(rows * (scale * math.sqrt(aspect))),
        up_to_multiple_of_32(columns * (scale / math.sqrt(aspect))),
    )
    flip = rng.random() < 0.5
    angle = rng.uniform(-10, 10)
    text = np.zeros(scaled_shape, np.uint8)
    for polygon in scaled(polygons, source_shape, scaled_shape):
        cv2.fillPoly(text, [polygon], 1)
    corner = draw_corner(rng, flip_and_rotate(text, flip, angle), crop_size)
    return Augmentation(
        source_shape=source_shape,
        scaled_shape=scaled_shape,
        flip=flip,
        angle_degrees=angle,
        corner=corner,
        crop_size=crop_size,
        brightness=rng.uniform(1 - 32 / 255, 1 + 32 / 255),
        saturation=rng.uniform(0.5, 1.5),
        brightness_first=rng.random() < 0.5,
    )


def apply_to_image(image: np.ndarray, augmentation: Augmentation) -> np.ndarray:
    """Source image (H, W, 3) -> (S, S, 3)."""
    rows, columns = augmentation.scaled_shape
    resized = cv2.resize(image, (columns, rows))
    rotated = flip_and_rotate(resized, augmentation.flip, augmentation.angle_degrees)
    return crop_and_pad(rotated, augmentation.corner, augmentation.crop_size)


def apply_to_labels(polygons: Sequence[np.ndarray], ignored: np.ndarray, augmentation: Augmentation) -> np.ndarray:
    """Polygons in pixels of the source -> the packed map (S, S)."""
    outlines = scaled(polygons, augmentation.source_shape, augmentation.scaled_shape)
    packed = pack_targets(*draw_targets(outlines, ignored, augmentation.scaled_shape))
    rotated = flip_and_rotate(packed, augmentation.flip, augmentation.angle_degrees)
    return crop_and_pad(rotated, augmentation.corner, augmentation.crop_size)


def up_to_multiple_of_32(side: float) -> int:
    whole = int(side + 0.5)
    while whole % 32:
        whole += 1
    return whole


def scaled(
    polygons: Sequence[np.ndarray], source_shape: tuple[int, int], scaled_shape: tuple[int, int]
) -> list[np.ndarray]:
    factors = np.array([scaled_shape[1] / source_shape[1], scaled_shape[0] / source_shape[0]])
    return [np.trunc(polygon * factors).astype(np.int32) for polygon in polygons]


def flip_and_rotate(image: np.ndarray, flip: bool, angle_degrees: float) -> np.ndarray:
    rows, columns = image.shape[:2]
    if flip:
        image = np.ascontiguousarray(image[:, ::-1])
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle_degrees, 1)
    return cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_NEAREST)


def draw_corner(rng: random.Random, text: np.ndarray, crop_size: int) -> tuple[int, int]:
    near_text = rng.random() < 5 / 8 and text.any()
    corner = []
    for axis, side in enumerate(text.shape):
        room = max(side - crop_size, 0)
        first, last = 0, room
        if near_text:
            lines = np.flatnonzero(text.any(axis=1 - axis))
            first = min(max(lines[0] - crop_size, 0), room)
            last = min(max(lines[-1] - crop_size, 0), room)
        corner.append(rng.randint(first, last))
    return corner[0], corner[1]


def crop_and_pad(image: np.ndarray, corner: tuple[int, int], crop_size: int) -> np.ndarray:
    row, column = corner
    crop = image[row : row + crop_size, column : column + crop_size]
    padded = np.zeros((crop_size, crop_size, *image.shape[2:]), image.dtype)
    padded[: crop.shape[0], : crop.shape[1]] = crop
    return padded
