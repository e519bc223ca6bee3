"""The two fixed pages on which the reference check of a detector trains one step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ocr_models.detection.pages import AnnotatedImage


def fixed_pages(folder: Path) -> list[AnnotatedImage]:
    """Two black images of 180 x 320 pixels, written to `folder`, each with two texts and an ignored one."""
    return [_fixed_page(folder / f"fixed_{number}.npy", slant=10 * number) for number in range(2)]


def _fixed_page(path: Path, slant: int) -> AnnotatedImage:
    polygons = (
        np.array([(30, 30), (150, 40 + slant), (148, 80 + slant), (28, 72)], np.float64),
        np.array([(180, 100), (290, 90), (292, 130), (182, 142)], np.float64),
        np.array([(40, 120), (110, 120), (110, 135), (40, 135)], np.float64),
    )
    np.save(path, np.zeros((180, 320, 3), np.uint8))
    return AnnotatedImage(path, polygons, np.array([False, False, True]), ("one", "two", "###"))
