"""The panels that all detectors show, and the choice of images: what `Model.show` of each detector shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_models.errors import DataError, shown
from ocr_models.picture import GREEN, GREY, RED, Panel, Picture

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage

DEFAULT_COUNT = 3
FONT = cv2.FONT_HERSHEY_SIMPLEX

Colour = tuple[int, int, int]


def page_picture(
    images: Sequence[AnnotatedImage],
    names: Sequence[str],
    count: int | None,
    panels: Callable[[AnnotatedImage], Sequence[Panel]],
    columns: int,
) -> Picture:
    """The picture of a few pages: the same number of panels for each, in rows of `columns`.

    `names` and `count` are those of `ocr_models.picture.Show`; by default three images are shown.

    Raises:
        DataError: if no image has one of the names, or an image cannot be read.
    """
    chosen = choose_images(images, names, DEFAULT_COUNT if count is None else count)
    title = "" if names else f"the first {len(chosen)} of {len(images)} images"
    return Picture([panel for image in chosen for panel in panels(image)], columns, title=title)


def choose_images(images: Sequence[AnnotatedImage], names: Sequence[str], count: int) -> list[AnnotatedImage]:
    """The images of these file names or stems; without names, the first `count`.

    Raises:
        DataError: if no image has one of the names.
    """
    if not names:
        return list(images[:count])
    by_name = {key: image for image in images for key in (image.path.name, image.path.stem)}
    for name in names:
        if name not in by_name:
            first, last = (shown(image.path.stem) for image in (images[0], images[-1]))
            raise DataError(f"no image {shown(name)}; there are {first} to {last}")
    return [by_name[name] for name in names]


def ground_truth_panel(annotated: AnnotatedImage, image: NDArray[np.uint8]) -> Panel:
    """The image, (H, W, 3), with its annotated texts; ignored ones are grey."""
    colours = [GREY if ignored else GREEN for ignored in annotated.ignored]
    return Panel(f"{shown(annotated.path.stem)}: ground truth", outlined(image, annotated.polygons, colours))


def found_panel(
    image: NDArray[np.uint8], polygons: Sequence[NDArray[Any]], scores: Sequence[float] | None = None
) -> Panel:
    """The image, (H, W, 3), with the texts found, (k, 2) each, in pixels of the image; scores stand above them."""
    drawn = outlined(image, polygons, [RED] * len(polygons))
    if scores is not None:
        _write_scores(drawn, polygons, scores)
    return Panel(f"{len(polygons)} boxes", drawn)


def _write_scores(image: NDArray[np.uint8], polygons: Sequence[NDArray[Any]], scores: Sequence[float]) -> None:
    """Write each score above the top left of its polygon's bounding box, or at the top of the image."""
    scale = image.shape[1] / 750  # legible in a panel of three inches
    thickness = max(1, round(2 * scale))
    for polygon, score in zip(polygons, scores, strict=True):
        text = f"{score:.2f}"
        (_, height), _ = cv2.getTextSize(text, FONT, scale, thickness)
        left, top = np.rint(polygon.min(axis=0)).astype(int).tolist()
        place = max(left, 0), max(top - 2 * thickness, height)
        cv2.putText(image, text, place, FONT, scale, RED, thickness, cv2.LINE_AA)


def outlined(
    image: NDArray[np.uint8], polygons: Sequence[NDArray[Any]], colours: Sequence[Colour]
) -> NDArray[np.uint8]:
    """A copy of the image, (H, W, 3), with the outlines of polygons, (k, 2) each."""
    drawn: NDArray[np.uint8] = image.copy()
    for polygon, colour in zip(polygons, colours, strict=True):
        points = np.rint(polygon).astype(np.int32)
        cv2.polylines(drawn, [points], isClosed=True, color=colour, thickness=max(2, image.shape[1] // 400))
    return drawn
