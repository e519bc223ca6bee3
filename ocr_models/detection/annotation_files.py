"""What the readers of all layouts share: lines of a text file, polygons, order of names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError


def read_lines(path: Path) -> Iterable[tuple[str, str]]:
    """("file:line", text) of every line that is not blank, without byte order mark and Windows line ends.

    Raises:
        DataError: if the file cannot be read as UTF-8.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8: {error}") from error
    for number, line in enumerate(content.split("\n"), start=1):  # splitlines would break at characters inside a text
        if line.strip():
            yield f"{path}:{number}", line.rstrip("\r")


def parse_polygon(points: Any, location: str) -> NDArray[np.float64]:
    """Pairs of numbers or of their texts -> (k, 2). `location` is the "file:line" that an error names.

    Raises:
        DataError: if there are fewer than three points, or a coordinate is not a finite number.
    """
    try:
        polygon = np.array([[float(x), float(y)] for x, y in points])
    except (ValueError, TypeError) as error:
        raise DataError(f"{location}: too few or non-numeric coordinates: {error}") from error
    if len(polygon) < 3:
        raise DataError(f"{location}: too few coordinates: {len(polygon)} points, a polygon has at least 3")
    if not np.isfinite(polygon).all():
        raise DataError(f"{location}: a coordinate is not finite")
    return polygon


def natural_key(name: str) -> list[tuple[int, str]]:
    """A sort key that puts img_2 before img_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
