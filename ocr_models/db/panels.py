"""What `python -m ocr_models.show` draws of a DBNet.

Five panels for each image: the image with its ground truth, the maps P (probability), T (threshold) and B (approximate
binary map), and the boxes found, with their scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ocr_models.db.inference import TextDetector, detector_for
from ocr_models.db.model import SHARPNESS
from ocr_models.detection.inference import compute_maps
from ocr_models.detection.show import found_panel, ground_truth_panel, page_picture
from ocr_models.picture import Panel, Picture

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet
    from ocr_models.task import TrainingTask

COLUMNS = 5


def show(task: TrainingTask, data: AnnotatedSet, names: Sequence[str], count: int | None) -> Picture:
    """The picture of a few images; an `ocr_models.picture.Show`."""
    detector = detector_for(task.model, task.input_shape[-1])
    return page_picture(data.images, names, count, partial(panels, detector), COLUMNS)


def panels(detector: TextDetector, annotated: AnnotatedImage) -> list[Panel]:
    """The five panels of one image. Raises DataError if it cannot be read."""
    image = annotated.load()  # (H, W, 3)
    size = image.shape[0], image.shape[1]
    probability, threshold = compute_maps(detector.model, detector.model, image, detector.network_size(size))
    binary = 1 / (1 + np.exp(-SHARPNESS * (probability - threshold)))  # (h, w)
    texts = detector.texts(probability, size)
    return [
        ground_truth_panel(annotated, image),
        Panel("probability map P", probability),
        Panel("threshold map T", threshold),
        Panel("binary map B", binary),
        found_panel(image, [text.polygon for text in texts], [text.score for text in texts]),
    ]
