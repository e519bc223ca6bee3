"""PSENet's postprocessing: logits -> text boxes in the original image.

Source: Wang et al., "Shape Robust Text Detection with Progressive Scale Expansion Network", CVPR 2019, with the
thresholds of the authors' ICDAR 2015 configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ocr_models.detection.text_box import TextBox
from ocr_models.psenet.expansion import expand_kernels

Shape = Literal["rectangle", "polygon"]


def detect(
    logits: ArrayLike,
    original_size: tuple[int, int],
    *,
    image_size: tuple[int, int] | None = None,
    min_area: int = 16,
    min_score: float = 0.85,
    shape: Shape = "rectangle",
) -> list[TextBox]:
    """Find the texts of one image.

    Args:
        logits: (K, h, w), an array or a tensor on any device: the text map, then the kernels, largest first.
        original_size: (height, width) of the image before it was scaled for the network.
        image_size: (H, W) of the network's input; logits of another size are upsampled to it bilinearly. By default the
            logits have that size already.
        min_area: texts, and smallest kernels, with fewer pixels are dropped.
        min_score: texts with a lower mean text probability are dropped.
        shape: "rectangle", the rectangle of least area; or "polygon", the outline, for curved text.

    Returns:
        The texts, in the order of the first pixels of their smallest kernels, row by row.

    Raises:
        ValueError: if `logits` has another shape, or `shape` is unknown.
    """
    if shape not in ("rectangle", "polygon"):
        raise ValueError(f"shape must be rectangle or polygon, not {shape!r}")
    maps = full_size_maps(logits, image_size)  # (K, H, W)
    labels = label_texts(maps, min_area)  # (H, W)
    texts = _measure(labels, maps[0])
    scale = np.array(original_size[::-1]) / labels.shape[::-1]
    is_kept = (texts.areas >= max(min_area, 1)) & (texts.scores >= min_score)
    return [
        TextBox(_outline(labels, label, texts.window(label), shape) * scale, float(texts.scores[label]))
        for label in np.flatnonzero(is_kept).tolist()
    ]


def full_size_maps(logits: ArrayLike, image_size: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Logits (K, h, w) -> array (K, H, W), upsampled if `image_size`, (H, W), differs.

    Raises:
        ValueError: for another number of dimensions.
    """
    maps = _as_array(logits)
    if maps.ndim != 3:
        raise ValueError(f"logits must have the shape (K, h, w), those of one image, not {maps.shape}")
    return maps if image_size in (None, maps.shape[1:]) else _upsample(maps, image_size)


def label_texts(maps: NDArray[np.float32], min_area: int = 16) -> NDArray[np.int32]:
    """Full-size logits (K, H, W) -> (H, W): 0, or the number of the text that a pixel belongs to."""
    kernels = maps > 0
    kernels[1:] &= kernels[0]
    return expand_kernels(kernels, min_area)


def _as_array(logits: Any) -> NDArray[np.float32]:
    if hasattr(logits, "detach"):  # a tensor of any device and precision
        logits = logits.detach().cpu().float()
    return np.asarray(logits, np.float32)


def _upsample(maps: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(K, h, w) -> (K, H, W), bilinear, with corners not aligned."""
    upsampled = np.empty((len(maps), *size), np.float32)
    for coarse, fine in zip(maps, upsampled, strict=True):
        cv2.resize(coarse, size[::-1], dst=fine, interpolation=cv2.INTER_LINEAR)
    return upsampled


@dataclass(frozen=True, eq=False)
class _Texts:
    """Measurements of each label, all arrays (labels,): pixels, mean probability, and extent, ends included."""

    areas: NDArray[np.intp]
    scores: NDArray[np.float64]
    top: NDArray[np.intp]
    bottom: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]

    def window(self, label: int) -> tuple[slice, slice]:
        """Rows and columns of the label's bounding box."""
        rows = slice(int(self.top[label]), int(self.bottom[label]) + 1)
        return rows, slice(int(self.left[label]), int(self.right[label]) + 1)


def _measure(labels: NDArray[np.int32], text_logits: NDArray[np.float32]) -> _Texts:
    """Measure all labels of (H, W) at once; the cost does not grow with their number."""
    positions = np.flatnonzero(labels != 0)  # (text pixels,), as owners, rows, columns and probabilities
    owners = labels.reshape(-1)[positions]
    rows = positions // labels.shape[1]
    columns = positions - rows * labels.shape[1]
    probabilities = 1 / (1 + np.exp(-text_logits.reshape(-1)[positions]))
    areas = np.bincount(owners, minlength=1)
    sums = np.bincount(owners, weights=probabilities, minlength=1)
    top, left = np.full_like(areas, max(labels.shape)), np.full_like(areas, max(labels.shape))
    bottom, right = np.zeros_like(areas), np.zeros_like(areas)
    np.minimum.at(top, owners, rows)
    np.maximum.at(bottom, owners, rows)
    np.minimum.at(left, owners, columns)
    np.maximum.at(right, owners, columns)
    return _Texts(areas, sums / np.maximum(areas, 1), top, bottom, left, right)


def _outline(labels: NDArray[np.int32], label: int, window: tuple[slice, slice], shape: Shape) -> NDArray[np.float64]:
    """The (k, 2) outline of one label in pixels of the map."""
    mask = (labels[window] == label).view(np.uint8)
    corner = (window[1].start, window[0].start)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=corner)
    contour = contours[0]  # a label is connected: it has one outer contour
    has_outline = len(contour) > 2  # a line of pixels has none
    points = contour[:, 0] if shape == "polygon" and has_outline else cv2.boxPoints(cv2.minAreaRect(contour))
    outline: NDArray[np.float64] = points.astype(np.float64)
    return outline
