"""What the readers of all layouts share: lines of a text file, polygons, order of names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from ocr_models.detection.icdar_line import LineError, checked_coordinate, count_lines, parse_number, split_lines
from ocr_models.errors import DataError, shown
from ocr_models.files import read_regular_file

MAX_LINE_CHARACTERS = 2**24
MAX_BLANK_LINES = 2**16
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


@contextmanager
def located(path: Path, number: int) -> Iterator[None]:
    """Turns errors about a line into a DataError that names file and line."""
    try:
        yield
    except LineError as error:
        raise DataError(f"{shown(path)}:{number}: {error}") from error
    except RecursionError:  # from the JSON decoder, or from showing what it has decoded
        raise DataError(f"{shown(path)}:{number}: the JSON list is nested too deeply") from None


def read_lines(path: Path, max_bytes: int) -> Iterator[tuple[int, str]]:
    """(number, text) of every line that is not blank, without byte order mark and line end (LF, CR LF or CR).

    Raises:
        DataError: if the file cannot be read, is larger than `max_bytes` or not UTF-8, or has a line that is too long
            or too many blank ones.
    """
    blank_lines = 0
    for number, line in enumerate(split_lines(_decoded(path, max_bytes)), start=1):
        if len(line) > MAX_LINE_CHARACTERS or blank_lines > MAX_BLANK_LINES:
            fault = f"a line of {len(line)} characters after {blank_lines} blank lines"
            raise DataError(f"{shown(path)}:{number}: {fault}; is this an annotation file?")
        if line.strip():
            yield number, line
        else:
            blank_lines += 1


def _decoded(path: Path, max_bytes: int) -> str:
    encoded = read_regular_file(path, max_bytes)
    if encoded.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{shown(path)}: cannot be read as UTF-8: it is UTF-16; save the file as UTF-8")
    try:
        return encoded.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = count_lines(encoded[: error.start].decode("utf-8-sig"))
        raise DataError(
            f"{shown(path)}:{line}: cannot be read as UTF-8 (byte 0x{encoded[error.start]:02x}); "
            "convert the file from its encoding, for example: iconv -f GBK -t UTF-8, or -f LATIN1"
        ) from error


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
    try:
        transcription.encode()
    except UnicodeEncodeError:  # JSON can contain half of a surrogate pair
        raise LineError(f"the transcription {shown(transcription, 40)} is no valid Unicode text") from None
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


def natural_key(name: str) -> list[tuple[int, str]]:
    """A sort key that puts img_2 before img_10. Numbers are compared by their digits, however long they are."""
    parts = re.split(r"([0-9]+)", name)
    key = [_number_key(part) if number % 2 else (-1, part) for number, part in enumerate(parts)]
    return [*key, (-1, name)]  # so that img_1 and img_01 have an order, too


def _number_key(digits: str) -> tuple[int, str]:
    significant = digits.lstrip("0")
    return len(significant), significant
