"""The sixteen operations of PARSeq's augmentation, at its magnitude: 5 of 10."""

from __future__ import annotations

from ocr_models.parseq.blur_and_noise import blur, noise
from ocr_models.parseq.draw import Operation
from ocr_models.parseq.moving_operations import rotate, shear_x, shear_y, shift_x, shift_y
from ocr_models.parseq.value_operations import (
    auto_contrast,
    brightness,
    colour,
    contrast,
    equalise,
    invert,
    posterise,
    solarise,
    solarise_add,
)

OPERATIONS: tuple[Operation, ...] = (
    auto_contrast,
    equalise,
    invert,
    rotate,
    posterise,
    solarise,
    solarise_add,
    colour,
    contrast,
    brightness,
    shear_x,
    shear_y,
    shift_x,
    shift_y,
    blur,
    noise,
)
