"""What the readers of all layouts share: texts and their polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from ocr_models.detection.icdar_line import checked_coordinate, parse_number
from ocr_models.errors import shown
from ocr_models.text_lines import LineError, check_unicode

MAX_TEXTS = 10_000
"""Of an image. More are no page, and would take a minute to read."""

MAX_VERTICES = 512
"""Of a polygon. Shrinking one of some thousand vertices takes minutes."""

MAX_CROSSING_VERTICES = 64
"""Of a polygon that crosses itself: the time to shrink it grows with the number of crossings."""


class Text(NamedTuple):
    """One annotated text.

    Attributes:
        polygon: (k, 2) float64, x and y in pixels of the image as stored.
        transcription: what is written there, `###` if the text is ignored.
        is_ignored: whether the annotators excluded it.
        location: "file:line" of its annotation; the file's name only.
        crosses_itself: whether two edges of the polygon cross or touch each other.
        is_flat: whether the polygon has no area.
    """

    polygon: NDArray[np.float64]
    transcription: str
    is_ignored: bool
    location: str
    crosses_itself: bool
    is_flat: bool


def check_number(texts: int) -> None:
    """Raises LineError if an image has too many texts."""
    if texts > MAX_TEXTS:
        raise LineError(f"more than {MAX_TEXTS} texts for one image; is this an annotation file?")


def parse_polygon(points: object) -> NDArray[np.float64]:
    """Pairs of numbers or of their texts -> (k, 2).

    Raises:
        LineError: if there are fewer than three points or too many, or a coordinate is not a number within range.
    """
    if not isinstance(points, list):
        raise LineError(f"too few or non-numeric coordinates: {shown(points, 40)!r} is not a list of points")
    if not 3 <= len(points) <= MAX_VERTICES:
        amount = "few" if len(points) < 3 else "many"
        raise LineError(f"too {amount} coordinates: {len(points)} points, a polygon has 3 to {MAX_VERTICES}")
    return np.array([_point(point) for point in points])


def _point(point: object) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise LineError(f"too few or non-numeric coordinates: {shown(point, 40)!r} is not a pair of numbers")
    x, y = point
    return _coordinate(x), _coordinate(y)


def _coordinate(value: object) -> float:
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LineError(f"too few or non-numeric coordinates: {shown(value, 40)!r} is not a number")
    try:
        return checked_coordinate(float(value))
    except OverflowError:  # an integer of hundreds of digits
        raise LineError("a coordinate is out of range") from None


def made_text(polygon: NDArray[np.float64], transcription: str, is_ignored: bool, location: str) -> Text:
    """Raises LineError if the polygon cannot be drawn in reasonable time, or the transcription is no Unicode text."""
    check_unicode(transcription)
    crosses_itself, is_flat = _crosses_itself(polygon), _is_flat(polygon)
    if crosses_itself and len(polygon) > MAX_CROSSING_VERTICES:
        raise LineError(
            f"a polygon of {len(polygon)} points crosses or touches itself; at most {MAX_CROSSING_VERTICES} points then"
        )
    return Text(polygon, transcription, is_ignored, location, crosses_itself, is_flat)


def _crosses_itself(polygon: NDArray[np.float64]) -> bool:
    """False for points on one line: they have no area, and that is what is wrong with them."""
    if len(polygon) == 4 and _is_convex(*polygon.tolist()):  # as most texts are
        return False
    if shapely.is_simple(shapely.linearrings(polygon)):
        return False
    return bool(np.linalg.matrix_rank(polygon - polygon[0]) == 2)


def _is_convex(a: Sequence[float], b: Sequence[float], c: Sequence[float], d: Sequence[float]) -> bool:
    """Whether all corners of a quadrilateral turn the same way. In plain numbers: numpy takes ten times longer here."""
    turns = [
        (q[0] - p[0]) * (r[1] - q[1]) - (q[1] - p[1]) * (r[0] - q[0])
        for p, q, r in ((a, b, c), (b, c, d), (c, d, a), (d, a, b))
    ]
    return min(turns) > 0 or max(turns) < 0


def _is_flat(polygon: NDArray[np.float64]) -> bool:
    x, y = (polygon - polygon[0]).T.tolist()  # relative to one vertex, so that equal points give exactly 0
    corners = zip(x, y, x[1:] + x[:1], y[1:] + y[:1], strict=True)
    doubled_area: float = sum(this_x * next_y - this_y * next_x for this_x, this_y, next_x, next_y in corners)
    return doubled_area == 0
