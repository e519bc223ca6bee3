"""The training samples of DB made step by step, slow and obvious: the fast path is compared with it.

The whole image is flipped, rotated, resized, cropped and scaled to fit, one after the other, and so are the polygons.
It draws its own random numbers. It shares two things with the fast path: the dataclass of those numbers, and the
drawing of labels on whole images, which has its own tests.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.db.augmentation import Augmentation
from ocr_models.db.targets import draw_targets

Polygons = Sequence[NDArray[np.float64]]
Crop = tuple[int, int, int, int]

MEAN = np.array((0.485, 0.456, 0.406), np.float32)
STD = np.array((0.229, 0.224, 0.225), np.float32)


def make_sample(
    rng: random.Random, image: NDArray[np.uint8], polygons: Polygons, ignored: NDArray[np.bool_], size: int
) -> tuple[NDArray[Any], ...]:
    """Source image (H, W, 3) -> normalised image (S, S, 3) and the four maps of `draw_targets`, (S, S) each."""
    rows, columns = image.shape[:2]
    counting = [polygon for polygon, is_ignored in zip(polygons, ignored, strict=True) if not is_ignored]
    augmentation = draw(rng, (rows, columns), counting, size)
    moved = [apply_to_points(polygon, augmentation) for polygon in polygons]
    kept = [index for index, polygon in enumerate(moved) if touches(polygon, (0, 0, *augmentation.visible[::-1]))]
    maps = draw_targets([moved[index] for index in kept], ignored[kept], (size, size))
    normalised = (apply_to_image(image, augmentation).astype(np.float32) / 255 - MEAN) / STD
    return normalised, *maps


def draw(rng: random.Random, source_shape: tuple[int, int], counting: Polygons, size: int) -> Augmentation:
    """Draw the random numbers of the recipe; `counting` are the texts that are not ignored."""
    rows, columns = source_shape
    flip = rng.random() < 0.5
    angle = rng.uniform(-10, 10)
    factor = rng.uniform(0.5, 3)
    scaled_shape = (round(rows * factor), round(columns * factor))
    moved = [to_frame(polygon, source_shape, flip, angle, scaled_shape) for polygon in counting]
    crop = draw_crop(rng, scaled_shape, moved)
    return Augmentation(source_shape, flip, angle, scaled_shape, crop, size)


def draw_crop(rng: random.Random, shape: tuple[int, int], counting: Polygons, keep_last_gap: bool = True) -> Crop:
    """Draw (left, top, right, bottom). A common implementation has a defect: it forgets the last gap of each axis."""
    rows, columns = shape
    x_taken, y_taken = np.zeros(columns, bool), np.zeros(rows, bool)
    for polygon in counting:
        whole = np.rint(polygon).astype(int)
        for taken, values in ((x_taken, whole[:, 0]), (y_taken, whole[:, 1])):
            if values.min() >= 0:
                taken[values.min() : values.max()] = True
    if x_taken.all() or y_taken.all():
        return 0, 0, columns, rows
    x_gaps, y_gaps = gaps_of(x_taken, keep_last_gap), gaps_of(y_taken, keep_last_gap)
    for _ in range(50):
        left, right = two_positions(rng, x_gaps, x_taken)
        top, bottom = two_positions(rng, y_gaps, y_taken)
        if right - left < 0.1 * columns or bottom - top < 0.1 * rows:
            continue
        if any(touches(polygon, (left, top, right, bottom)) for polygon in counting):
            return left, top, right, bottom
    return 0, 0, columns, rows


def gaps_of(taken: NDArray[np.bool_], keep_last: bool) -> list[list[int]]:
    """The runs of free positions."""
    gaps: list[list[int]] = []
    for position in np.flatnonzero(~taken).tolist():
        if gaps and gaps[-1][-1] == position - 1:
            gaps[-1].append(position)
        else:
            gaps.append([position])
    return gaps if keep_last else gaps[:-1]


def two_positions(rng: random.Random, gaps: list[list[int]], taken: NDArray[np.bool_]) -> tuple[int, int]:
    """The ends of a crop along one axis."""
    if len(gaps) > 1:
        first, last = (rng.choice(rng.choice(gaps)) for _ in range(2))
    else:
        free = np.flatnonzero(~taken).tolist()
        first, last = rng.choice(free), rng.choice(free)
    return min(first, last), max(first, last)


def touches(polygon: NDArray[np.float64], box: tuple[int, int, int, int]) -> bool:
    """Whether the bounding box of a polygon (k, 2) touches (left, top, right, bottom)."""
    left, top, right, bottom = box
    x, y = polygon.T
    return bool(x.max() >= left and x.min() <= right and y.max() >= top and y.min() <= bottom)


def to_frame(
    polygon: NDArray[np.float64], source_shape: tuple[int, int], flip: bool, angle: float, scaled_shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Points of the source (k, 2) -> of the flipped, rotated and resized frame."""
    rows, columns = source_shape
    x, y = np.asarray(polygon, np.float64).T
    if flip:
        x = columns - x
    radians = np.radians(angle)
    x, y = x - columns / 2, y - rows / 2
    x, y = np.cos(radians) * x + np.sin(radians) * y, np.cos(radians) * y - np.sin(radians) * x
    x, y = x + columns / 2, y + rows / 2
    return np.stack((x * scaled_shape[1] / columns, y * scaled_shape[0] / rows), axis=1)


def apply_to_points(polygon: NDArray[np.float64], augmentation: Augmentation) -> NDArray[np.float64]:
    """Points of the source (k, 2) -> of the sample."""
    drawn = augmentation
    moved = to_frame(polygon, drawn.source_shape, drawn.flip, drawn.angle_degrees, drawn.scaled_shape)
    return (moved - drawn.crop[:2]) * fit(drawn)


def apply_to_image(image: NDArray[np.uint8], augmentation: Augmentation) -> NDArray[np.uint8]:
    """Source image (H, W, 3) -> (S, S, 3)."""
    rows, columns = augmentation.source_shape
    if augmentation.flip:
        image = np.ascontiguousarray(image[:, ::-1])
    centre = ((columns - 1) / 2, (rows - 1) / 2)  # a pixel's sample is in its middle
    rotation = cv2.getRotationMatrix2D(centre, augmentation.angle_degrees, 1)
    rotated = cv2.warpAffine(image, rotation, (columns, rows), flags=cv2.INTER_LINEAR)
    resized = cv2.resize(rotated, augmentation.scaled_shape[::-1], interpolation=cv2.INTER_CUBIC)
    left, top, right, bottom = augmentation.crop
    factor = fit(augmentation)
    content = max(int((right - left) * factor), 1), max(int((bottom - top) * factor), 1)
    padded = np.zeros((augmentation.sample_size, augmentation.sample_size, 3), np.uint8)
    padded[: content[1], : content[0]] = cv2.resize(resized[top:bottom, left:right], content)
    return padded


def fit(augmentation: Augmentation) -> float:
    """The factor that scales the crop to the sample."""
    left, top, right, bottom = augmentation.crop
    return min(augmentation.sample_size / (right - left), augmentation.sample_size / (bottom - top))
