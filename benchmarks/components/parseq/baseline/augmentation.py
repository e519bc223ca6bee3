"""Samples of PARSeq made step by step with Pillow, from the words of the recipe."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

GREY = (128, 128, 128)
Picture = Image.Image


def _transformed(image: Picture, matrix: tuple[float, ...], resample: Image.Resampling) -> Picture:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, resample, fillcolor=GREY)


def _with_values(image: Picture, value: Callable[[int], int]) -> Picture:
    return image.point([value(level) for level in range(256)] * 3)


def _blurred(image: Picture) -> Picture:
    return image.filter(ImageFilter.GaussianBlur(round(min(2, max(1, 0.02 * max(image.size))))))


def _noisy(image: Picture, rng: np.random.Generator) -> Picture:
    rate = round(min(20, max(1, 0.2 * max(image.size)))) | 1
    noise = rng.poisson(rate, (image.height, image.width, 1)) * rng.choice((-1, 1), (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


PLAIN: dict[str, Callable[[Picture, float, Image.Resampling], Picture]] = {
    "auto_contrast": lambda image, _, __: ImageOps.autocontrast(image),
    "equalise": lambda image, _, __: ImageOps.equalize(image),
    "invert": lambda image, _, __: ImageOps.invert(image),
    "rotate": lambda image, sign, how: image.rotate(sign * 15, how, expand=True, fillcolor=GREY),
    "posterise": lambda image, _, __: ImageOps.posterize(image, 2),
    "solarise": lambda image, _, __: ImageOps.solarize(image, 128),
    "solarise_add": lambda image, _, __: _with_values(image, lambda v: min(v + 55, 255) if v < 128 else v),
    "colour": lambda image, sign, _: ImageEnhance.Color(image).enhance(1 + sign * 0.45),
    "contrast": lambda image, sign, _: ImageEnhance.Contrast(image).enhance(1 + sign * 0.45),
    "brightness": lambda image, sign, _: ImageEnhance.Brightness(image).enhance(1 + sign * 0.45),
    "shear_x": lambda image, sign, how: _transformed(image, (1, sign * 0.45, 0, 0, 1, 0), how),
    "shear_y": lambda image, sign, how: _transformed(image, (1, 0, 0, sign * 0.1, 1, 0), how),
    "shift_x": lambda image, sign, how: _transformed(image, (1, 0, sign * 0.05 * image.width, 0, 1, 0), how),
    "shift_y": lambda image, sign, how: _transformed(image, (1, 0, 0, 0, 1, sign * 0.15 * image.height), how),
    "blur": lambda image, _, __: _blurred(image),
}


def plain(name: str, image: NDArray[np.uint8], sign: float, cubic: bool) -> NDArray[np.uint8]:
    """The operation of this name on an image (H, W, 3); noise is not among them."""
    how = Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR
    return np.asarray(PLAIN[name](Image.fromarray(image), sign, how), np.uint8)


def make_image(rng: random.Random, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) uint8 -> the augmented image as the network gets it, (3, 32, 128)."""
    image = Image.fromarray(pixels)
    noise_rng = np.random.default_rng(rng.getrandbits(32))
    for name in rng.sample([*PLAIN, "noise"], 3):
        if rng.random() < 0.5:
            how = rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC))
            sign = rng.choice((-1.0, 1.0))
            image = _noisy(image, noise_rng) if name == "noise" else PLAIN[name](image, sign, how)
    resized = np.asarray(image.resize((128, 32), Image.Resampling.BICUBIC), np.float32)
    planes: NDArray[np.float32] = np.ascontiguousarray(resized.transpose(2, 0, 1))
    planes /= 255
    planes -= 0.5
    planes /= 0.5
    return planes
