"""Logits to boxes, as a first version would be written: each text is searched for in the whole map.

The loop over the queue is compiled, because published implementations compile theirs too.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np
from numpy.typing import NDArray


def baseline_expansion(kernels: NDArray[np.uint8], min_area: int) -> NDArray[np.int32]:
    """Kernels (K, H, W) of 0 and 1, the text map first, then largest first -> labels (H, W), 0 outside texts."""
    count, seeds = cv2.connectedComponents(kernels[-1], connectivity=4)
    for label in range(1, count):
        if np.sum(seeds == label) < min_area:
            seeds[seeds == label] = 0
    labels: NDArray[np.int32] = seeds.astype(np.int32)  # (H, W)
    _grow(kernels, labels)
    return labels


@numba.njit(cache=True)
def _grow(kernels: NDArray[np.uint8], labels: NDArray[np.int32]) -> None:
    height, width = labels.shape
    queue = np.empty((height * width, 2), np.int32)
    size = 0
    for y in range(height):
        for x in range(width):
            if labels[y, x] > 0:
                queue[size, 0], queue[size, 1] = y, x
                size += 1
    for level in range(len(kernels) - 2, -1, -1):
        waiting = np.empty((height * width, 2), np.int32)
        kept = head = 0
        while head < size:
            y, x = queue[head, 0], queue[head, 1]
            head += 1
            at_edge = True
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                v, u = y + dy, x + dx
                if v < 0 or v >= height or u < 0 or u >= width or labels[v, u] > 0 or kernels[level, v, u] == 0:
                    continue
                labels[v, u] = labels[y, x]
                queue[size, 0], queue[size, 1] = v, u
                size += 1
                at_edge = False
            if at_edge:
                waiting[kept, 0], waiting[kept, 1] = y, x
                kept += 1
        queue[:kept] = waiting[:kept]
        size = kept


def baseline_boxes(
    logits: NDArray[np.float32], original_size: tuple[int, int], min_area: int = 16, min_score: float = 0.85
) -> list[NDArray[np.float64]]:
    """Logits (K, H, W) -> rectangles (4, 2) in pixels of the original image, whose size is (height, width)."""
    score = 1 / (1 + np.exp(-logits[0]))  # (H, W)
    kernels = (logits > 0).astype(np.uint8)  # (K, H, W)
    kernels *= kernels[0]
    labels = baseline_expansion(kernels, min_area)
    scale = np.array(original_size[::-1]) / labels.shape[::-1]
    boxes = []
    for label in range(1, labels.max() + 1):
        inside = labels == label  # (H, W)
        points = np.array(np.where(inside)).T[:, ::-1].astype(np.int32)  # (pixels, 2)
        if len(points) < min_area or score[inside].mean() < min_score:
            continue
        boxes.append(cv2.boxPoints(cv2.minAreaRect(points)) * scale)
    return boxes
