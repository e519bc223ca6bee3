"""Synthetic street scenes: words in perspective, on a background that is as hard to decode as that of a photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
IGNORED = "###"
VOCABULARY = (
    *("EXIT", "SALE", "Cafe", "HOTEL", "Bakery", "Market", "OPEN", "Station", "Library", "Parking", "PIZZA", "Garden"),
    *("Street", "Museum", "TAXI", "Books", "Flowers", "Office", "Bridge", "Theatre", "COFFEE", "Travel", "School"),
    *("Music", "Central", "POLICE", "Square", "Tickets", "Harbour", "Studio", "50% off", "No. 17"),
    "Level 3, A",  # real transcriptions contain commas too
)
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
FONT_HEIGHT = 22.0  # of a capital letter at scale 1, in pixels

MAX_TILT_DEGREES = 25.0
PLATE_SHARE = 0.4
PLACING_ATTEMPTS = 30
TINT = 25.0  # standard deviation of the colour channels about their grey, in grey levels
GRAIN = (0.5, 4.0)  # standard deviation of the sensor's noise, in grey levels


@dataclass(frozen=True)
class WordKind:
    """Readable or ignored words: how many per image, range of heights in pixels, standard deviation of the blur."""

    fewest: int
    most: int
    lowest: float
    highest: float
    blur: float


READABLE = WordKind(fewest=3, most=5, lowest=34.0, highest=90.0, blur=0.6)
UNREADABLE = WordKind(fewest=3, most=5, lowest=9.0, highest=18.0, blur=1.3)


@dataclass(frozen=True)
class Word:
    """A drawn word: its corners clockwise from the top left, (4, 2) int32 pixels, and its transcription."""

    corners: NDArray[np.int32]
    transcription: str


class SceneMaker:
    """Draws scenes that share two large noise tiles: as varied as with separate noise, in a fraction of the time."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        side = 2 * WIDTH
        self._texture = np.zeros((side, side), np.float32)
        for period, strength in ((128, 18), (32, 12), (8, 9), (3, 7)):
            coarse = rng.standard_normal((side // period + 1, side // period + 1), np.float32)
            self._texture += strength * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
        self._grain = rng.standard_normal((side, side), np.float32)

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[Word]]:
        """Draw one scene: (720, 1280, 3) uint8 BGR, and its words, which do not overlap."""
        image = self._draw_background(rng)
        taken = np.zeros((HEIGHT, WIDTH), np.uint8)
        words = []
        for kind in (READABLE, UNREADABLE):
            for _ in range(rng.integers(kind.fewest, kind.most, endpoint=True)):
                word = _draw_word(rng, image, taken, kind)
                if word is not None:
                    words.append(word)
        return _add_noise(image, _window(rng, self._grain) * rng.uniform(*GRAIN)), words

    def _draw_background(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Soft light, some plain shapes such as walls and signs, and their texture."""
        light = rng.uniform(40, 215, (3, 4, 1)) + rng.normal(0, TINT, (3, 4, 3))
        resized = cv2.resize(_to_grey_levels(light), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        image = np.asarray(resized, np.uint8)
        for _ in range(rng.integers(6, 14)):
            centre, size = rng.uniform((0, 0), (WIDTH, HEIGHT)), rng.uniform(40, 320, 2)
            box = cv2.boxPoints((centre.tolist(), size.tolist(), rng.normal(0, 10)))
            cv2.fillConvexPoly(image, np.rint(box).astype(np.int32), _colour(rng), cv2.LINE_AA)
        return _add_noise(image, _window(rng, self._texture) * rng.uniform(0.4, 1.2))


def _draw_word(
    rng: np.random.Generator, image: NDArray[np.uint8], taken: NDArray[np.uint8], kind: WordKind
) -> Word | None:
    """Draw one word in a free place and mark that place as taken; None if no free place was found."""
    text = VOCABULARY[rng.integers(len(VOCABULARY))]
    height = rng.uniform(kind.lowest, kind.highest)
    ink = _ink(text, FONTS[rng.integers(len(FONTS))], height)
    for _ in range(PLACING_ATTEMPTS):
        corners = _place(rng, height * ink.shape[1] / ink.shape[0], height)
        surroundings = np.rint(_grown(corners, 0.35 * height)).astype(np.int32)
        left, top = surroundings.min(0)
        right, bottom = surroundings.max(0) + 1
        if left < 0 or top < 0 or right > WIDTH or bottom > HEIGHT:
            continue
        room = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillConvexPoly(room, surroundings - (left, top), 1)
        if (taken[top:bottom, left:right] & room).any():
            continue
        taken[top:bottom, left:right] |= room
        patch, origin = image[top:bottom, left:right], np.array((left, top))
        if rng.random() < PLATE_SHARE:
            cv2.fillConvexPoly(patch, surroundings - origin, _colour(rng), cv2.LINE_AA)
        _blend(rng, patch, ink, corners - origin, kind.blur)
        return Word(np.rint(corners).astype(np.int32), text if kind is READABLE else IGNORED)
    return None


def _ink(text: str, font: int, height: float) -> NDArray[np.uint8]:
    """The written text, (h, w) uint8, 255 for full ink, cropped to the ink."""
    scale, thickness = height / FONT_HEIGHT, max(1, round(height / 11))
    (width, ascent), descent = cv2.getTextSize(text, font, scale, thickness)
    margin = round(height)
    canvas = np.zeros((ascent + descent + 2 * margin, width + 2 * margin), np.uint8)
    cv2.putText(canvas, text, (margin, margin + ascent), font, scale, 255, thickness, cv2.LINE_AA)
    left, top, columns, rows = cv2.boundingRect(canvas)
    return canvas[top : top + rows, left : left + columns]


def _place(rng: np.random.Generator, width: float, height: float) -> NDArray[np.float64]:
    """Random corners, (4, 2), of a word of this size in perspective."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * (width, height)
    corners[:, 1] *= 1 + rng.uniform(-0.2, 0.2) * np.sign(corners[:, 0])  # one end nearer than the other
    corners[:, 0] += rng.uniform(-0.3, 0.3) * corners[:, 1]  # slanted
    angle = np.deg2rad(np.clip(rng.normal(0, MAX_TILT_DEGREES / 2), -MAX_TILT_DEGREES, MAX_TILT_DEGREES))
    rotation = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    placed: NDArray[np.float64] = corners @ rotation + rng.uniform((0, 0), (WIDTH, HEIGHT))
    return placed


def _grown(corners: NDArray[np.float64], margin: float) -> NDArray[np.float64]:
    """The quadrilateral (4, 2) with every corner moved outwards by the margin along both of its edges."""
    edges = np.roll(corners, -1, axis=0) - corners
    along = edges / np.hypot(edges[:, 0], edges[:, 1])[:, None]
    grown: NDArray[np.float64] = corners + margin * (np.roll(along, 1, axis=0) - along)
    return grown


def _blend(
    rng: np.random.Generator,
    patch: NDArray[np.uint8],
    ink: NDArray[np.uint8],
    corners: NDArray[np.float64],
    blur: float,
) -> None:
    """Write the ink into the patch, its four corners at `corners`, dark on light or light on dark."""
    rows, columns = ink.shape
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    share = cv2.warpPerspective(ink, matrix, (patch.shape[1], patch.shape[0]), flags=cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(share, (0, 0), blur).astype(np.float32)[..., None] / 255  # (h, w, 1)
    grey = patch.mean()
    tone = rng.uniform(grey + 90, 280) if grey < 128 else rng.uniform(-25, grey - 90)
    colour = _to_grey_levels(tone + rng.uniform(-TINT, TINT, 3))
    patch[:] = np.rint(patch + share * (colour.astype(np.float32) - patch))


def _window(rng: np.random.Generator, tile: NDArray[np.float32]) -> NDArray[np.float32]:
    """A random part of the noise tile with the size of an image, (720, 1280), mirrored with probability 1/2."""
    top, left = rng.integers(tile.shape[0] - HEIGHT), rng.integers(tile.shape[1] - WIDTH)
    window = tile[top : top + HEIGHT, left : left + WIDTH]
    return np.ascontiguousarray(window[:, ::-1]) if rng.random() < 0.5 else window


def _add_noise(image: NDArray[np.uint8], noise: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Add the same noise (H, W) to all channels."""
    return np.asarray(cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U), np.uint8)


def _to_grey_levels(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _colour(rng: np.random.Generator) -> list[int]:
    levels: list[int] = _to_grey_levels(rng.uniform(20, 235) + rng.normal(0, TINT, 3)).tolist()
    return levels
