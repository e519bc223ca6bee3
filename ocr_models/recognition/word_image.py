"""Synthetic images of single words, as they are cut from photographs of streets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FACES = tuple(
    f"{name}.ttf"
    for name in (
        *(f"DejaVu{family}" for family in ("Sans", "Sans-Bold", "Sans-Oblique", "Sans-BoldOblique")),
        *(f"DejaVu{family}" for family in ("Serif", "Serif-Bold", "Serif-Italic", "Serif-BoldItalic")),
        *(f"DejaVu{family}" for family in ("SansMono", "SansMono-Bold", "SansMono-Oblique", "SansMono-BoldOblique")),
        *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    )
)
EM_SIZES = (24, 36, 54, 80)
"""Sizes in pixels that letters are drawn in; a word is scaled from the smallest one that suffices."""

HEIGHTS = (24, 64)
"""Of the lowest and of the highest image, in pixels."""

TEXT_HEIGHTS = (0.68, 0.9)
"""Of the ink, as a share of the image's height."""

MARGINS = (0.08, 0.3)
"""At the left and at the right, as a share of the image's height."""

MAX_SHIFT = 0.08
"""Of each corner of the text, as a share of the image's height; less where it would leave the image."""

ASPECTS = (0.8, 1.2)
SPACINGS = (-0.02, 0.1)
"""Between letters, beyond what the font demands, as a share of the em size."""

CONTRASTS = (80.0, 140.0)  # grey levels
TINT = 15.0  # standard deviation of the colour channels about their grey, in grey levels
MAX_GRADIENT = 30.0  # of the light from one side of the image to the other, in grey levels
BLURS = (0.005, 0.03)  # standard deviation as a share of the image's height
GRAINS = (1.0, 7.0)  # standard deviation in grey levels
TEXTURES = (0.0, 1.2)  # strength
LUMA = np.array((0.114, 0.587, 0.299))  # of blue, green, red

_TILE = (512, 2048)
_STEPS = np.arange(_TILE[1], dtype=np.float32)
_NO_INK = np.zeros((1, 1), np.uint8)


@dataclass(frozen=True)
class _Glyph:
    """A letter's ink, (h, w) uint8, its place relative to the pen on the baseline, and the pen's advance in pixels."""

    ink: NDArray[np.uint8]
    left: int
    top: int
    advance: float


class WordPainter:
    """Draws images of words in the fonts of a folder. Letters and noise are drawn once.

    Args:
        fonts: folder of the files `FACES`.
        seed: of the noise that all images share.
    """

    def __init__(self, fonts: Path, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._fonts = fonts
        self._grain = rng.standard_normal(_TILE, np.float32)
        self._texture = np.zeros(_TILE, np.float32)
        for period, strength in ((48, 8), (12, 6), (4, 4)):
            coarse = rng.standard_normal((_TILE[0] // period + 1, _TILE[1] // period + 1), np.float32)
            self._texture += strength * cv2.resize(coarse, _TILE[::-1], interpolation=cv2.INTER_LINEAR)
        self._glyph = cache(self._draw_glyph)

    def draw(self, rng: np.random.Generator, text: str) -> NDArray[np.uint8]:
        """An image of the text, (H, W, 3) uint8 BGR; all of the ink is inside."""
        height = int(rng.integers(HEIGHTS[0], HEIGHTS[1], endpoint=True))
        text_height = height * rng.uniform(*TEXT_HEIGHTS)
        em = next((size for size in EM_SIZES if size >= 1.2 * text_height), EM_SIZES[-1])
        ink = self._write(text, FACES[int(rng.integers(len(FACES)))], em, rng.uniform(*SPACINGS))
        text_width = text_height * ink.shape[1] / ink.shape[0] * rng.uniform(*ASPECTS)
        width = round(text_width + 2 * height * rng.uniform(*MARGINS))
        corners = _corners(rng, (text_width, text_height), (width, height))
        share = cv2.warpPerspective(ink, _mapping(ink, corners), (width, height), flags=cv2.INTER_LINEAR)
        share = cv2.GaussianBlur(share, (0, 0), height * rng.uniform(*BLURS))
        return _coloured(rng, share.astype(np.float32), self._field(rng, height, width))

    def _write(self, text: str, face: str, em: int, spacing: float) -> NDArray[np.uint8]:
        """The written text, (h, w) uint8, 255 for full ink; its ink touches all four sides."""
        pen, placed = 0.0, []
        for character in text:
            glyph = self._glyph(face, em, character)
            placed.append((round(pen) + glyph.left, glyph.top, glyph.ink))
            pen += glyph.advance + spacing * em
        left, top = min(x for x, _, _ in placed), min(y for _, y, _ in placed)
        right = max(x + ink.shape[1] for x, _, ink in placed)
        bottom = max(y + ink.shape[0] for _, y, ink in placed)
        canvas = np.zeros((bottom - top, right - left), np.uint8)
        for x, y, ink in placed:
            part = canvas[y - top : y - top + ink.shape[0], x - left : x - left + ink.shape[1]]
            np.maximum(part, ink, out=part)  # slanted letters overlap
        return canvas

    def _draw_glyph(self, face: str, em: int, character: str) -> _Glyph:
        font = _font(self._fonts / face, em)
        canvas = Image.new("L", (4 * em, 4 * em))
        ImageDraw.Draw(canvas).text((em, 2 * em), character, fill=255, font=font, anchor="ls")
        box = canvas.getbbox()
        if box is None:
            return _Glyph(_NO_INK, 0, 0, font.getlength(character))
        ink = np.array(canvas.crop(box), np.uint8)
        return _Glyph(ink, box[0] - em, box[1] - 2 * em, font.getlength(character))

    def _field(self, rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
        """Light, texture and grain, (height, width), in grey levels, to be added."""
        texture, grain = _window(rng, self._texture, height, width), _window(rng, self._grain, height, width)
        field = cv2.addWeighted(texture, rng.uniform(*TEXTURES), grain, rng.uniform(*GRAINS), 0)
        down, across = rng.uniform(-MAX_GRADIENT, MAX_GRADIENT, 2)
        field += (_STEPS[:height, None] - height / 2) * np.float32(down / height)
        field += (_STEPS[:width] - width / 2) * np.float32(across / width)
        return np.asarray(field, np.float32)


@cache
def _font(path: Path, em: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), em, layout_engine=ImageFont.Layout.BASIC)


def _corners(
    rng: np.random.Generator, text_size: tuple[float, float], image_size: tuple[int, int]
) -> NDArray[np.float32]:
    """Where the corners of the text are drawn, (4, 2) pixels (x, y), clockwise from the top left."""
    signs = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)))
    corners = (np.array(image_size) + signs * np.array(text_size)) / 2
    corners += rng.uniform(-MAX_SHIFT, MAX_SHIFT, (4, 2)) * image_size[1]
    clipped: NDArray[np.float32] = np.clip(corners, 1, np.array(image_size) - 1).astype(np.float32)
    return clipped


def _mapping(ink: NDArray[np.uint8], corners: NDArray[np.float32]) -> NDArray[np.float64]:
    """The homography from pixels of the ink to pixels of the image; (x, y) is the middle of a pixel plus 1/2."""
    rows, columns = ink.shape
    source = np.array(((0, 0), (columns, 0), (columns, rows), (0, rows)), np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source - 0.5, corners - 0.5), np.float64)


def _window(rng: np.random.Generator, tile: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A random part of the noise."""
    top, left = int(rng.integers(tile.shape[0] - height)), int(rng.integers(tile.shape[1] - width))
    return tile[top : top + height, left : left + width]


def _coloured(rng: np.random.Generator, share: NDArray[np.float32], field: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image (H, W, 3) uint8 of ink with the shares (H, W), 0 to 255, on a plain ground, plus the field (H, W)."""
    ground, contrast = rng.uniform(20, 235), rng.uniform(*CONTRASTS)
    is_lighter = ground + contrast < 255 and (ground < contrast or rng.random() < 0.5)
    tints = rng.normal(0, TINT, (2, 3))  # of ground and ink
    tints -= (tints @ LUMA)[:, None]  # the contrast of the brightness remains
    grounds = ground + tints[0]
    inks = ground + (contrast if is_lighter else -contrast) + tints[1]
    channels = [
        cv2.addWeighted(share, (ink - ground) / 255, field, 1, ground, dtype=cv2.CV_8U)  # rounded, from 0 to 255
        for ground, ink in zip(grounds.tolist(), inks.tolist(), strict=True)
    ]
    return np.asarray(cv2.merge(channels), np.uint8)
