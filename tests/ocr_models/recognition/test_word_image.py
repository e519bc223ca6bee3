"""Synthetic images of words: readable, varied, nothing of the text cut off."""

from __future__ import annotations

import string
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

from ocr_models.recognition import word_image
from ocr_models.recognition.word_image import EM_SIZES, FACES, HEIGHTS, WordPainter

FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
TEXTS = ("il", "Quay", "SHYTE", "gymkhana", "0718", "WWWWWWWWWWWW", "j1", "flounders")


@pytest.fixture(scope="module")
def painter() -> WordPainter:
    return WordPainter(FONTS)


def drawn(painter: WordPainter, count: int) -> list[NDArray[np.uint8]]:
    return [painter.draw(np.random.default_rng(n), TEXTS[n % len(TEXTS)]) for n in range(count)]


def test_all_faces_have_all_characters(painter: WordPainter) -> None:
    for face in FACES:
        glyphs = [painter._glyph(face, EM_SIZES[0], letter).ink.tobytes() for letter in string.ascii_letters]
        missing = painter._glyph(face, EM_SIZES[0], "\ue000").ink.tobytes()  # drawn as a box, or not at all
        assert missing not in glyphs
        assert len(set(glyphs)) > 45  # in a few faces l and I, or c and C of another size, are alike
        digits = {painter._glyph(face, EM_SIZES[0], digit).ink.tobytes() for digit in string.digits}
        assert len(digits) == 10


def test_heights_widths_and_brightness_vary(painter: WordPainter) -> None:
    images = drawn(painter, 200)
    heights = np.array([image.shape[0] for image in images])
    assert (heights.min(), heights.max()) == HEIGHTS
    means = np.array([image.mean() for image in images])
    assert means.std() > 30
    assert np.std([image.shape[1] for image in images[1::8]]) > 20  # all of the same text
    assert all(image.dtype == np.uint8 and image.ndim == 3 for image in images)


def test_text_is_up_to_20_percent_wider_or_narrower_than_its_font(
    painter: WordPainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FACES", FACES[:1]), ("SPACINGS", (0, 0)), ("MARGINS", (0, 0)), ("TEXT_HEIGHTS", (0.8, 0.8))):
        monkeypatch.setattr(word_image, name, value)
    sizes = [painter.draw(np.random.default_rng(number), "flounders").shape for number in range(100)]
    ratios = [width / height for height, width, _ in sizes]
    assert max(ratios) / min(ratios) == pytest.approx(1.2 / 0.8, rel=0.1)


def test_images_have_colours(painter: WordPainter) -> None:
    channels = np.array([image.mean((0, 1)) for image in drawn(painter, 50)])
    assert np.ptp(channels, axis=1).mean() > 10


def test_text_stands_out_by_80_to_140_grey_levels(painter: WordPainter, monkeypatch: pytest.MonkeyPatch) -> None:
    without_noise(monkeypatch)
    contrasts = []
    for image in drawn(painter, 100):
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(float)
        ground = np.median(grey[0])
        contrasts.append(np.abs(grey - ground).max())
    assert 75 < np.percentile(contrasts, 5) < np.percentile(contrasts, 95) < 143
    assert np.ptp(contrasts) > 40


def test_no_ink_leaves_the_image(painter: WordPainter, monkeypatch: pytest.MonkeyPatch) -> None:
    without_noise(monkeypatch)
    for image in drawn(painter, 200):
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).astype(float)
        ground = np.median(border, axis=0)
        middle = np.abs(image - ground).max()
        assert np.abs(border - ground).max() < 0.4 * middle


def test_text_fills_most_of_the_height(painter: WordPainter, monkeypatch: pytest.MonkeyPatch) -> None:
    without_noise(monkeypatch)
    shares = []
    for image in drawn(painter, 100):
        ink = np.abs(image - np.median(image[0], axis=0)).max(2)
        rows = np.flatnonzero(ink.max(1) > 30)
        shares.append((np.ptp(rows) + 1) / image.shape[0])
    assert min(shares) > 0.5
    assert np.mean(shares) > 0.7
    assert max(shares) <= 1


def test_corners_are_moved_in_perspective() -> None:
    rng = np.random.default_rng(0)
    corners = np.array([word_image._corners(rng, (100, 20), (140, 40)) for _ in range(200)])  # (200, 4, 2)
    left, right = corners[:, 3] - corners[:, 0], corners[:, 2] - corners[:, 1]
    assert np.std(left[:, 1] - right[:, 1]) > 1
    assert corners.min() >= 1
    assert (corners.max((0, 1)) <= (139, 39)).all()


def test_the_same_generator_gives_the_same_image(painter: WordPainter) -> None:
    first, again, other = (WordPainter(FONTS, seed).draw(np.random.default_rng(5), "Word") for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_image, "GRAINS", (0, 0))
    monkeypatch.setattr(word_image, "TEXTURES", (0, 0))
    monkeypatch.setattr(word_image, "MAX_GRADIENT", 0)
    monkeypatch.setattr(word_image, "BLURS", (0.001, 0.01))
