"""Pages: image files with their text polygons, as every detection data set provides them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ocr_models.images.decoded import decode_images
from ocr_models.images.reading import load_image

Layout = Literal["icdar2015", "paddleocr"]


@dataclass(frozen=True)
class AnnotatedImage:
    """One image file with its text polygons.

    Attributes:
        path: the image file.
        polygons: each (k, 2) float64, k >= 3, x and y in pixels of the image as stored.
        ignored: (n,) bool: True if a text is neither learned nor counted (`###`, or a polygon without area).
        transcriptions: n strings.
        decoded: the same image as an `.npy` file, which is read instead of `path`; None if there is none.

    Raises:
        ValueError: if the numbers of polygons, flags and transcriptions differ, or a polygon has another shape.
    """

    path: Path
    polygons: tuple[NDArray[np.float64], ...]
    ignored: NDArray[np.bool_]
    transcriptions: tuple[str, ...]
    decoded: Path | None = None

    def __post_init__(self) -> None:
        if not len(self.polygons) == len(self.ignored) == len(self.transcriptions):
            raise ValueError(f"{self.path}: polygons, ignored and transcriptions differ in number")
        if any(polygon.ndim != 2 or polygon.shape[0] < 3 or polygon.shape[1] != 2 for polygon in self.polygons):
            raise ValueError(f"{self.path}: a polygon is (k, 2) with k >= 3")

    def load(self) -> NDArray[np.uint8]:
        """The pixels, (H, W, 3) uint8 RGB; raises DataError as `load_image` does."""
        return load_image(self.decoded or self.path)


@dataclass(frozen=True)
class AnnotatedSet:
    """One split of a data set, an `ocr_models.task.DataSet`.

    Attributes:
        root: folder of the data set.
        layout: name of the folder layout it was read from.
        images: in natural order of their names (img_2 before img_10).
        remarks: what a user should know about the annotations although they can be used, one line each, with file
            and line of the first example.
    """

    root: Path
    layout: Layout
    images: tuple[AnnotatedImage, ...]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def digest(self) -> str:
        """16 hexadecimal digits of file names and annotations; independent of the folder and of decoding."""
        content = hashlib.sha256()
        for image in self.images:
            content.update(os.fsencode(image.path.name))  # also of a name that is not UTF-8
            for polygon, text in zip(image.polygons, image.transcriptions, strict=True):
                content.update(polygon.tobytes() + text.encode())
        return content.hexdigest()[:16]

    def same_image(self, one: int, other: int) -> bool:
        """Whether the images of two indices have the same pixels."""
        return np.array_equal(self.images[one].load(), self.images[other].load())

    def with_decoded_images(self, cache_dir: Path) -> AnnotatedSet:
        """The same split; its images are decoded once into files below `cache_dir` and mapped into memory.

        Raises:
            DataError: if an image is bad or the cache cannot be written.
        """
        decoded = decode_images([image.path for image in self.images], cache_dir)
        pairs = zip(self.images, decoded, strict=True)
        return replace(self, images=tuple(replace(image, decoded=path) for image, path in pairs))
