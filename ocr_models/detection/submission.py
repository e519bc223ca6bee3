"""The zip archives of the ICDAR 2015 protocol for incidental scene text: ground truth and submissions.

Source: the competition's format, https://rrc.cvc.uab.es/?ch=4&com=tasks, task 4.1. An archive contains one text file
per image, a file one line per text, a line four corners in whole pixels, clockwise on the screen. Corners in the
opposite order are also read, because the competition's results for them are known, but they are never written.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ocr_models.detection.archives import EvaluationError, Limits, read_members
from ocr_models.detection.icdar_line import ground_truth_line, parse_ground_truth_line
from ocr_models.detection.polygons import signed_areas
from ocr_models.errors import shown
from ocr_models.files import atomic_write
from ocr_models.text_lines import LineError, count_lines, split_lines

__all__ = [
    "EvaluationError",
    "StrPath",
    "TextLine",
    "read_ground_truth",
    "read_submission",
    "write_ground_truth",
    "write_submission",
]

StrPath = str | os.PathLike[str]

LIMITS = Limits()
MAX_COORDINATE = 10**9 - 1

_DETECTION = re.compile(",".join([r"\s*(-?[0-9]{1,9})\s*"] * 8))
_EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class TextLine:
    """One text, annotated or detected: its corners, (4, 2) in pixels, and whether the protocol ignores it."""

    corners: NDArray[np.float64]
    is_ignored: bool


@dataclass(frozen=True)
class _Format:
    """The format of one kind of archive.

    Attributes:
        name: matches the names of its files; the group is the image's number.
        is_exclusive: whether other files are an error.
        columns: a line in words, for messages.
        parse: reads a line; raises LineError.
    """

    name: re.Pattern[str]
    is_exclusive: bool
    columns: str
    parse: Callable[[str], TextLine]


def _parse_text(line: str) -> TextLine:
    corners, _, is_ignored = parse_ground_truth_line(line)  # as the reader of training data does
    return TextLine(corners, is_ignored)


def _parse_detection(line: str) -> TextLine:
    match = _DETECTION.fullmatch(line)
    if match is None:
        raise LineError
    return TextLine(np.array([float(field) for field in match.groups()]).reshape(4, 2), False)


_GROUND_TRUTH = _Format(
    name=re.compile(r"gt_img_([0-9]+)\.txt"),
    is_exclusive=False,
    columns="x1,y1,x2,y2,x3,y3,x4,y4,transcription",
    parse=_parse_text,
)
_SUBMISSION = _Format(
    name=re.compile(r"res_img_([0-9]+)\.txt"),
    is_exclusive=True,
    columns="x1,y1,x2,y2,x3,y3,x4,y4 with whole numbers",
    parse=_parse_detection,
)


def read_ground_truth(path: StrPath, limits: Limits | None = LIMITS) -> dict[str, list[TextLine]]:
    """The texts of all `gt_img_<n>.txt`, by image number, "12"; lines `x1,y1,...,x4,y4,transcription`.

    A text with the transcription `###` is ignored by the protocol. Other files in the archive are skipped. `limits` is
    None for an archive of our own.

    Raises:
        EvaluationError: if the archive cannot be read, breaks the format or contains no such file.
    """
    texts = _read_archive(path, _GROUND_TRUTH, limits)
    if not texts:
        raise EvaluationError(f"{shown(path)}: contains no gt_img_<n>.txt")
    return texts


def read_submission(path: StrPath, limits: Limits | None = LIMITS) -> dict[str, list[TextLine]]:
    """The detections of all `res_img_<n>.txt`, by image number, "12"; lines `x1,y1,...,x4,y4`.

    Raises:
        EvaluationError: if the archive cannot be read, breaks the format or contains any other file.
    """
    return _read_archive(path, _SUBMISSION, limits)


def write_submission(path: StrPath, boxes_by_image: Mapping[int, Sequence[ArrayLike]]) -> None:
    """Write detections as a submission archive, atomically; the same boxes give the same bytes.

    Args:
        path: the archive; its folder must exist.
        boxes_by_image: image number -> quadrilaterals, each (4, 2), x and y in pixels of the original image. They are
            rounded to whole pixels and put in clockwise order, as the format requires.

    Raises:
        EvaluationError: if a box is not a quadrilateral of finite numbers.
        OSError: if the archive cannot be written.
    """
    files = {
        f"res_img_{number}.txt": "".join(f"{_quad_line(box, f'{path}: image {number}')}\r\n" for box in boxes)
        for number, boxes in sorted(boxes_by_image.items())
    }
    _write_archive(Path(path), files)


def write_ground_truth(path: StrPath, texts_by_image: Mapping[int, Sequence[tuple[ArrayLike, str]]]) -> None:
    """Write annotations as a ground truth archive, atomically; the same texts give the same bytes.

    Args:
        path: the archive; its folder must exist.
        texts_by_image: image number -> texts: a quadrilateral (4, 2) and a transcription, `###` for a text that the
            protocol ignores.

    Raises:
        EvaluationError: if a text is not a quadrilateral of finite numbers.
        OSError: if the archive cannot be written.
    """
    files = {
        f"gt_img_{number}.txt": "".join(
            f"{ground_truth_line(_quad_line(quad, f'{path}: image {number}'), text)}\r\n" for quad, text in texts
        )
        for number, texts in sorted(texts_by_image.items())
    }
    _write_archive(Path(path), files)


def _write_archive(path: Path, files: Mapping[str, str]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name, text in files.items():
            members.writestr(zipfile.ZipInfo(name, _EARLIEST_ZIP_DATE), text, zipfile.ZIP_DEFLATED)
    with atomic_write(path) as file:
        file.write(archive.getvalue())


def _quad_line(box: ArrayLike, location: str) -> str:
    corners = np.asarray(box, np.float64)
    if corners.shape != (4, 2) or not (np.abs(corners) <= MAX_COORDINATE).all():
        raise EvaluationError(f"{location}: a box must be four corners (4, 2) in pixels, not {corners.tolist()}")
    corners = np.rint(corners).astype(int)
    if signed_areas(corners[None])[0] < 0:
        corners = corners[::-1]
    return ",".join(map(str, corners.reshape(-1)))


def _read_archive(path: StrPath, form: _Format, limits: Limits | None) -> dict[str, list[TextLine]]:
    """The lines of all files, by image number in the archive's order."""

    def is_wanted(name: str) -> bool:
        if form.name.fullmatch(name):
            return True
        if form.is_exclusive:
            raise EvaluationError(
                f"{shown(path)}: '{shown(name)}': a submission contains only files named res_img_<n>.txt"
            )
        return False

    lines: dict[str, list[TextLine]] = {}
    for name, content in read_members(path, is_wanted, limits):
        match = form.name.fullmatch(name)
        assert match is not None, "it was wanted"
        lines[match[1]] = _read_lines(content, f"{shown(path)}: {shown(name)}", form)
    return lines


def _read_lines(content: bytes, location: str, form: _Format) -> list[TextLine]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_number = count_lines(content[: error.start].decode("utf-8-sig"))
        raise EvaluationError(f"{location}, line {line_number}: not UTF-8: {error.reason}") from None
    numbered = enumerate(split_lines(text), start=1)
    return [_parsed(line, f"{location}, line {number}", form) for number, line in numbered if line.strip()]


def _parsed(line: str, location: str, form: _Format) -> TextLine:
    try:
        return form.parse(line)
    except LineError as error:
        found = line if len(line) <= 80 else f"{line[:77]}..."
        reason = f": {error}" if error.args else ""
        raise EvaluationError(f"{location}: expected {form.columns}, found {found!r}{reason}") from None
