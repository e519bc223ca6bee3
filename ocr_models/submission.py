"""The zip archives of the ICDAR 2015 protocol for incidental scene text: ground truth and submissions.

Source: the competition's format, https://rrc.cvc.uab.es/?ch=4&com=tasks, task 4.1. An archive holds one text file per
image, a file one line per text, a line four corners in whole pixels, clockwise on the screen. Corners in the opposite
order are read as well, as the competition's results for them are known; they are never written.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

StrPath = str | os.PathLike[str]

MAX_COORDINATE = 10**9 - 1

_COORDINATES = ",".join([r"\s*(-?[0-9]{1,9})\s*"] * 8)
_IGNORED = re.compile(r'###|\s*"###"\s*')
_EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class EvaluationError(ValueError):
    """Input that cannot be evaluated: one line with the file, the line and the fault."""


@dataclass(frozen=True, eq=False)
class TextLine:
    """One text, annotated or detected: its corners, (4, 2) in pixels, and whether it is to be ignored."""

    corners: NDArray[np.float64]
    is_ignored: bool


@dataclass(frozen=True)
class _Format:
    """How one kind of archive looks.

    Attributes:
        name: of a file in it; the image's number is the group.
        is_exclusive: whether other files are an error.
        columns: a line in words.
        line: a line, its eight coordinates and its transcription, if any, being the groups.
    """

    name: re.Pattern[str]
    is_exclusive: bool
    columns: str
    line: re.Pattern[str]


_GROUND_TRUTH = _Format(
    name=re.compile(r"gt_img_([0-9]+)\.txt"),
    is_exclusive=False,
    columns="x1,y1,x2,y2,x3,y3,x4,y4,transcription",
    line=re.compile(_COORDINATES + ",(.*)"),
)
_SUBMISSION = _Format(
    name=re.compile(r"res_img_([0-9]+)\.txt"),
    is_exclusive=True,
    columns="x1,y1,x2,y2,x3,y3,x4,y4",
    line=re.compile(_COORDINATES + "()"),
)


def read_ground_truth(path: StrPath) -> dict[str, list[TextLine]]:
    """The texts of all `gt_img_<n>.txt`, by image number, "12"; lines `x1,y1,...,x4,y4,transcription`.

    A text whose transcription is `###` is to be ignored. Other files in the archive are passed over.

    Raises:
        EvaluationError: where the archive cannot be read, breaks the format or holds no such file.
    """
    texts = _read_archive(path, _GROUND_TRUTH)
    if not texts:
        raise EvaluationError(f"{path}: holds no gt_img_<n>.txt")
    return texts


def read_submission(path: StrPath) -> dict[str, list[TextLine]]:
    """The detections of all `res_img_<n>.txt`, by image number, "12"; lines `x1,y1,...,x4,y4`.

    Raises:
        EvaluationError: where the archive cannot be read, breaks the format or holds any other file.
    """
    return _read_archive(path, _SUBMISSION)


def write_submission(path: StrPath, boxes_by_image: Mapping[int, Sequence[ArrayLike]]) -> None:
    """Writes detections as a submission archive: whole or not at all, the same bytes for the same boxes.

    Args:
        path: the archive; its folder exists.
        boxes_by_image: from image number to its quadrilaterals, each (4, 2), x and y in pixels of the original image.
            They are rounded to whole pixels and turned clockwise, as the format demands.

    Raises:
        EvaluationError: where a box is not a quadrilateral of finite numbers.
    """
    files = {
        f"res_img_{number}.txt": "".join(f"{_quad_line(box, f'{path}: image {number}')}\r\n" for box in boxes)
        for number, boxes in sorted(boxes_by_image.items())
    }
    _write_archive(Path(path), files)


def write_ground_truth(path: StrPath, texts_by_image: Mapping[int, Sequence[tuple[ArrayLike, str]]]) -> None:
    """Writes annotations as a ground truth archive: whole or not at all, the same bytes for the same texts.

    Args:
        path: the archive; its folder exists.
        texts_by_image: from image number to its texts: a quadrilateral (4, 2), and a transcription, `###` for a text
            that is to be ignored.

    Raises:
        EvaluationError: where a text is not a quadrilateral of finite numbers.
    """
    files = {
        f"gt_img_{number}.txt": "".join(
            f"{_quad_line(quad, f'{path}: image {number}')},{text}\r\n" for quad, text in texts
        )
        for number, texts in sorted(texts_by_image.items())
    }
    _write_archive(Path(path), files)


def _write_archive(path: Path, files: Mapping[str, str]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name, text in files.items():
            members.writestr(zipfile.ZipInfo(name, _EARLIEST_ZIP_DATE), text, zipfile.ZIP_DEFLATED)
    unfinished = Path(f"{path}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(archive.getvalue())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def signed_areas(quads: NDArray[np.generic]) -> NDArray[np.float64]:
    """(n, 4, 2) -> (n,), positive where the corners run clockwise on the screen, y pointing down."""
    x, y = np.moveaxis(np.asarray(quads, np.float64), -1, 0)  # (n, 4) each
    return (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1) / 2


def _quad_line(box: ArrayLike, where: str) -> str:
    corners = np.asarray(box, np.float64)
    if corners.shape != (4, 2) or not (np.abs(corners) <= MAX_COORDINATE).all():
        raise EvaluationError(f"{where}: a box must be four corners (4, 2) in pixels, not {corners.tolist()}")
    corners = np.rint(corners).astype(int)
    if signed_areas(corners[None])[0] < 0:
        corners = corners[::-1]
    return ",".join(map(str, corners.reshape(-1)))


def _read_archive(path: StrPath, form: _Format) -> dict[str, list[TextLine]]:
    """The lines of all files, by image number in the archive's order."""
    lines: dict[str, list[TextLine]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                match = form.name.fullmatch(name)
                if match is None and form.is_exclusive:
                    raise EvaluationError(f"{path}: {name!r}: a submission holds files named res_img_<n>.txt only")
                if match is None:
                    continue
                if match[1] in lines:
                    raise EvaluationError(f"{path}: {name}: stands twice in the archive")
                lines[match[1]] = _read_lines(archive.read(name), f"{path}: {name}", form)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: not a readable zip archive: {error}") from None
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None
    return lines


def _read_lines(content: bytes, where: str, form: _Format) -> list[TextLine]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_number = content.count(b"\n", 0, error.start) + 1
        raise EvaluationError(f"{where}, line {line_number}: not UTF-8: {error.reason}") from None
    lines = []
    for line_number, line in enumerate(text.replace("\r", "").split("\n"), start=1):
        match = form.line.fullmatch(line)
        if match is not None:
            corners = np.array([float(field) for field in match.groups()[:8]]).reshape(4, 2)
            lines.append(TextLine(corners, _IGNORED.fullmatch(match[9]) is not None))
        elif line:
            shown = line if len(line) <= 80 else f"{line[:77]}..."
            raise EvaluationError(
                f"{where}, line {line_number}: expected {form.columns} with whole numbers, found {shown!r}"
            )
    return lines
