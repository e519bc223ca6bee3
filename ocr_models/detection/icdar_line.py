"""One line of an ICDAR ground truth file, as training and evaluation both read it.

    x1,y1,x2,y2,x3,y3,x4,y4,transcription              ICDAR 2015
    x1,y1,x2,y2,x3,y3,x4,y4,script,transcription       ICDAR 2017 and 2019 MLT

The transcription may contain commas. It may stand in double quotes; a quote or backslash within them is preceded by a
backslash. A text whose transcription is `###` is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import shown
from ocr_models.text_lines import LineError

IGNORED = "###"

MAX_COORDINATE = 2**20
"""In pixels. No image that OpenCV decodes has a longer side."""

MAX_CHARACTERS = 2**16
"""Of a line."""

SCRIPTS = frozenset(["Arabic", "Bangla", "Chinese", "Hindi", "Japanese", "Korean", "Latin", "Mixed", "None", "Symbols"])
"""Values of the script column in ICDAR 2017 and 2019."""

_OTHER_SCRIPTS = (
    "armenian bengali burmese cyrillic devanagari english ethiopic georgian greek gujarati gurmukhi han hangul "
    "hebrew hiragana kana kannada katakana khmer lao malayalam mongolian oriya other persian sinhala tamil telugu "
    "thai tibetan unknown urdu"
)
_MARKED_SCRIPTS = frozenset([*map(str.lower, SCRIPTS), *_OTHER_SCRIPTS.split()])

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_PIXELS = re.compile(r"\s*-?(?:0|[1-9][0-9]{0,6})(?:\.[0-9]+)?\s*")  # "000" of the text "100,000" is no coordinate
_QUOTED = re.compile(r'\s*"(.*)"\s*')


class IcdarText(NamedTuple):
    """The text of one line: its corners, (4, 2) in pixels, its transcription, and whether it is ignored."""

    corners: NDArray[np.float64]
    transcription: str
    is_ignored: bool


def parse_number(text: str) -> float:
    """A decimal number in ASCII digits, at most `MAX_COORDINATE`. Raises LineError if it is anything else."""
    if _NUMBER.fullmatch(text) is None:
        if text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise LineError("a coordinate is not finite")
        raise LineError(f"too few or non-numeric coordinates: {shown(text, 40)!r} is not a number")
    return checked_coordinate(float(text.strip()))  # float() does not strip all that \s matches


def checked_coordinate(number: float) -> float:
    """The number itself. Raises LineError if it cannot be a coordinate of a pixel."""
    if not abs(number) <= MAX_COORDINATE:
        if not np.isfinite(number):
            raise LineError("a coordinate is not finite")
        raise LineError(f"coordinate {number:g} is out of range; at most {MAX_COORDINATE} pixels from the origin")
    return number


def parse_ground_truth_line(line: str) -> IcdarText:
    """Raises LineError if the line is not a quadrilateral and a transcription."""
    if len(line) > MAX_CHARACTERS:
        raise LineError(f"a line of {len(line)} characters; a text has at most {MAX_CHARACTERS}")
    fields = line.split(",")
    if len(fields) < 8:
        raise LineError(f"too few or non-numeric coordinates: {len(fields)} fields, a line is x1,y1,...,x4,y4,text")
    corners = np.array([parse_number(field) for field in fields[:8]]).reshape(4, 2)
    rest = fields[8:]
    if not rest:
        raise LineError("no transcription after the 8 coordinates; a line is x1,y1,...,x4,y4,text")
    if vertices := _further_vertices(corners, rest):
        raise LineError(
            f"{8 + 2 * vertices} numbers that look like {4 + vertices} corners; a text of the ICDAR layout has four. "
            "If the last numbers are a transcription, put them in double quotes"
        )
    if _has_script(rest):
        rest = rest[1:]
    transcription = ",".join(rest)
    quoted = _QUOTED.fullmatch(transcription)
    if quoted is not None:
        transcription = quoted[1].replace("\\\\", "\\").replace('\\"', '"')
    elif transcription.strip() == IGNORED:
        transcription = IGNORED
    return IcdarText(corners, transcription, transcription == IGNORED)


def _has_script(rest: Sequence[str]) -> bool:
    """Whether what follows the coordinates begins with the script column.

    Further sets name their scripts as they like. So before exactly `,###` more names count.
    """
    if len(rest) < 2:
        return False
    script = _unquoted(rest[0]).strip()
    is_ignored = len(rest) == 2 and _unquoted(rest[1]).strip() == IGNORED
    return script in SCRIPTS or (is_ignored and script.lower() in _MARKED_SCRIPTS)


def _unquoted(field: str) -> str:
    quoted = _QUOTED.fullmatch(field)
    return field if quoted is None else quoted[1]


def ground_truth_line(coordinates: str, transcription: str) -> str:
    """The line in which `parse_ground_truth_line` finds the same transcription again; `coordinates` is x1,...,y4."""
    line = f"{coordinates},{transcription}"
    try:
        is_faithful = parse_ground_truth_line(line).transcription == transcription
    except LineError:
        is_faithful = False
    if is_faithful:
        return line
    escaped = transcription.replace("\\", "\\\\").replace('"', '\\"')
    return f'{coordinates},"{escaped}"'


def _further_vertices(corners: NDArray[np.float64], rest: Iterable[str]) -> int:
    """How many further vertices begin the rest of a line: pairs of numbers close to the first four corners.

    Numbers far from the corners are a transcription such as 12,50.
    """
    numbers: list[float] = []
    for field in rest:
        if _PIXELS.fullmatch(field) is None:
            break
        numbers.append(float(field.strip()))
    if len(numbers) < 2:
        return 0
    low, high = corners.min(0), corners.max(0)
    reach = 2 * float((high - low).max()) + 16  # pixels around the corners' bounding box
    points = np.array(numbers[: len(numbers) // 2 * 2]).reshape(-1, 2)
    is_near = ((points >= low - reach) & (points <= high + reach)).all(1)
    return len(points) if is_near.all() else 0
