"""Scene-text images and their quadrilaterals on disk: the official ICDAR 2015 layout and PaddleOCR's.

Bad input is never skipped: every fault is a `DataError` that names the file, and the line where there is one.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "test"]
Layout = Literal["icdar2015", "paddleocr"]

OFFICIAL_FOLDERS: dict[Split, tuple[str, str]] = {
    "train": ("ch4_training_images", "ch4_training_localization_transcription_gt"),
    "test": ("ch4_test_images", "Challenge4_Test_Task1_GT"),
}
PADDLEOCR_LABEL_FILES: dict[Split, str] = {
    "train": "train_icdar2015_label.txt",
    "test": "test_icdar2015_label.txt",
}
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
IGNORED_PREFIX = "#"


class DataError(Exception):
    """Input that cannot be used. The message is one line: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class AnnotatedImage:
    """One image file with its text polygons.

    Attributes:
        path: the image file.
        polygons: each (k, 2) float64, k >= 3, x and y in pixels of the image as stored.
        ignored: (n,) bool, where a text is neither to be learned nor to be counted (`###`, or a polygon without area).
        transcriptions: n strings.
    """

    path: Path
    polygons: tuple[NDArray[np.float64], ...]
    ignored: NDArray[np.bool_]
    transcriptions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.polygons) == len(self.ignored) == len(self.transcriptions):
            raise ValueError(f"{self.path}: polygons, ignored and transcriptions differ in number")
        if any(polygon.ndim != 2 or polygon.shape[0] < 3 or polygon.shape[1] != 2 for polygon in self.polygons):
            raise ValueError(f"{self.path}: a polygon is (k, 2) with k >= 3")


@dataclass(frozen=True)
class AnnotatedSet:
    """All images of one split, in natural order of their names (img_2 before img_10), and the layout they came in."""

    root: Path
    layout: Layout
    images: tuple[AnnotatedImage, ...]


def read_annotated_set(root: Path, split: Split = "train") -> AnnotatedSet:
    """Reads the annotations of a data set folder; images are opened only by `load_image`.

    Polygons without area, as real sets have, become ignored and are counted in one warning.
    Raises DataError for a missing folder, an unknown layout, unpaired images or annotations, and malformed lines.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name the folder of a data set")
    label_file = root / PADDLEOCR_LABEL_FILES[split]
    image_folder, annotation_folder = (root / name for name in OFFICIAL_FOLDERS[split])
    layout: Layout
    if label_file.is_file():
        layout, images = "paddleocr", _read_paddleocr(label_file)
    elif image_folder.is_dir() or annotation_folder.is_dir():
        layout, images = "icdar2015", _read_official(image_folder, annotation_folder)
    else:
        lacking = "" if split == "train" else "no held-out test split: "
        raise DataError(
            f"{root}: {lacking}layout not recognised; looked for {image_folder.name}/ with {annotation_folder.name}/ "
            f"(ICDAR 2015) and for {label_file.name} (PaddleOCR)"
        )
    if not images:
        raise DataError(f"{root}: no image in the {split} split")
    return AnnotatedSet(root, layout, tuple(_ignore_polygons_without_area(root, images)))


def load_image(path: Path) -> NDArray[np.uint8]:
    """The image as (H, W, 3) uint8 RGB; an `.npy` file of it is mapped into memory, read-only.

    Raises DataError where it is missing, unreadable or a truncated JPEG.
    """
    if path.suffix == ".npy":
        return _map_decoded(path)
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if _is_truncated_jpeg(encoded):
        raise DataError(f"{path}: truncated JPEG (no end-of-image marker); replace the file")
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:  # an empty file, or sizes beyond OpenCV's limits
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"no memory to decode {path}") from error
        image = None
    if image is None:
        raise DataError(f"{path}: not an image that OpenCV can decode; replace the file")
    return np.asarray(image, np.uint8)


def _map_decoded(path: Path) -> NDArray[np.uint8]:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no decoded image: {error}; delete it") from error


def _is_truncated_jpeg(encoded: bytes) -> bool:
    """OpenCV fills what a cut-off JPEG lacks with grey and says nothing; such a file has no end-of-image marker.

    Image data hold no markers, 0xFF being escaped in them; so a whole file has its end marker behind its last start of
    a scan. A thumbnail in the header has both as well, but before the scan that was cut off.
    """
    return encoded.startswith(b"\xff\xd8") and encoded.rfind(b"\xff\xd9") < encoded.rfind(b"\xff\xda")


def _read_official(image_folder: Path, annotation_folder: Path) -> list[AnnotatedImage]:
    for folder in (image_folder, annotation_folder):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; the ICDAR 2015 layout has it beside the other one")
    images = {path.stem: path for path in _images_in(image_folder)}
    annotations = {path.stem.removeprefix("gt_"): path for path in annotation_folder.glob("gt_*.txt")}
    if lonely := images.keys() - annotations.keys():
        name = min(lonely, key=_natural_key)
        raise DataError(f"{images[name]}: image without annotation; expected {annotation_folder / f'gt_{name}.txt'}")
    if lonely := annotations.keys() - images.keys():
        name = min(lonely, key=_natural_key)
        raise DataError(f"{annotations[name]}: annotation without image; expected {image_folder / f'{name}.jpg'}")
    return [_read_official_image(images[name], annotations[name]) for name in sorted(images, key=_natural_key)]


def _images_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]


def _read_official_image(image: Path, annotation: Path) -> AnnotatedImage:
    texts = []
    for place, line in _lines(annotation):
        fields = line.split(",", 8)
        polygon = _polygon([fields[i : i + 2] for i in (0, 2, 4, 6)], place)
        if len(fields) < 9:
            raise DataError(f"{place}: no transcription behind the 8 coordinates; a line is x1,y1,...,x4,y4,text")
        texts.append((polygon, fields[8]))
    return _annotated_image(image, texts)


def _read_paddleocr(label_file: Path) -> list[AnnotatedImage]:
    images: dict[Path, AnnotatedImage] = {}
    for place, line in _lines(label_file):
        name, tab, encoded = line.partition("\t")
        if not tab:
            raise DataError(f"{place}: no TAB; a line is: image path, TAB, JSON list of transcriptions and points")
        path = label_file.parent / name
        if path in images:
            raise DataError(f"{place}: {name} already has an annotation above; keep one of the two")
        if not path.is_file():
            raise DataError(f"{place}: annotation without image; expected {path}")
        images[path] = _annotated_image(path, _paddleocr_texts(encoded, place))
    beside = {path for folder in {path.parent for path in images} for path in _images_in(folder)}
    if lonely := beside - images.keys():
        raise DataError(f"{min(lonely)}: image without annotation; it has no line in {label_file}")
    return [images[path] for path in sorted(images, key=lambda path: _natural_key(str(path)))]


def _paddleocr_texts(encoded: str, place: str) -> list[tuple[NDArray[np.float64], str]]:
    try:
        texts = [(text["points"], text["transcription"]) for text in json.loads(encoded)]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{place}: not a JSON list of {{transcription, points}}: {error!r}") from error
    return [(_polygon(points, place), str(transcription)) for points, transcription in texts]


def _lines(path: Path) -> Iterable[tuple[str, str]]:
    """("file:line", text) of every line that is not blank; a byte order mark and Windows line ends are taken off."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8: {error}") from error
    for number, line in enumerate(content.split("\n"), start=1):  # splitlines would break at characters inside a text
        if line.strip():
            yield f"{path}:{number}", line.rstrip("\r")


def _polygon(points: Any, place: str) -> NDArray[np.float64]:
    try:
        polygon = np.array([[float(x), float(y)] for x, y in points])
    except (ValueError, TypeError) as error:
        raise DataError(f"{place}: too few or non-numeric coordinates: {error}") from error
    if len(polygon) < 3:
        raise DataError(f"{place}: too few coordinates: {len(polygon)} points, a polygon has at least 3")
    if not np.isfinite(polygon).all():
        raise DataError(f"{place}: a coordinate is not finite")
    return polygon


def _annotated_image(path: Path, texts: list[tuple[NDArray[np.float64], str]]) -> AnnotatedImage:
    transcriptions = tuple(transcription for _, transcription in texts)
    ignored = np.array([transcription.startswith(IGNORED_PREFIX) for transcription in transcriptions], dtype=bool)
    return AnnotatedImage(path, tuple(polygon for polygon, _ in texts), ignored, transcriptions)


def _ignore_polygons_without_area(root: Path, images: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
    flat = [np.array([_area(polygon) == 0 for polygon in image.polygons], dtype=bool) for image in images]
    count = sum(int(is_flat.sum()) for is_flat in flat)
    if count:
        warnings.warn(f"{root}: {count} polygons without area are treated as ignored", stacklevel=3)
    return [replace(image, ignored=image.ignored | is_flat) for image, is_flat in zip(images, flat, strict=True)]


def _area(polygon: NDArray[np.float64]) -> float:
    x, y = (polygon - polygon[0]).T  # relative, so that equal points give 0 exactly
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _natural_key(name: str) -> list[tuple[int, str]]:
    """Orders img_2 before img_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
