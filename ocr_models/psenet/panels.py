"""What `python -m ocr_models.show` draws of a PSENet.

Ten panels for each image: the image with its ground truth, the seven predicted maps, the label map that results from
expanding the kernels, and the text boxes found.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ocr_models.detection.show import found_panel, ground_truth_panel, page_picture
from ocr_models.picture import Panel, Picture
from ocr_models.psenet.inference import TextDetector
from ocr_models.psenet.model import NUM_MAPS
from ocr_models.psenet.postprocessing import full_size_maps, label_texts

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet
    from ocr_models.task import TrainingTask

COLUMNS = 5
MAP_TITLES = ("text map", *(f"kernel {number}" for number in range(1, NUM_MAPS)))


def show(task: TrainingTask, data: AnnotatedSet, names: Sequence[str], count: int | None) -> Picture:
    """The picture of a few images; an `ocr_models.picture.Show`."""
    detector = TextDetector(task.model, short_side=task.input_shape[-1])
    return page_picture(data.images, names, count, partial(panels, detector), COLUMNS)


def panels(detector: TextDetector, annotated: AnnotatedImage) -> list[Panel]:
    """The ten panels of one image. Raises DataError if it cannot be read."""
    image = annotated.load()  # (H, W, 3)
    size = image.shape[0], image.shape[1]
    logits = detector.logits(image)  # (7, h/4, w/4)
    maps = full_size_maps(logits, detector.network_size(size))  # (7, h, w)
    probabilities = 1 / (1 + np.exp(-np.clip(maps, -30, 30)))
    return [
        ground_truth_panel(annotated, image),
        *(Panel(title, values) for title, values in zip(MAP_TITLES, probabilities, strict=True)),
        Panel("labels", _coloured(label_texts(maps))),
        found_panel(image, [text.polygon for text in detector.texts(logits, size)]),
    ]


def _coloured(labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(h, w) -> (h, w, 3): black background, a different colour for each text."""
    palette = np.random.default_rng(0).integers(80, 256, (int(labels.max()) + 1, 3), np.uint8)
    palette[0] = 0
    coloured: NDArray[np.uint8] = palette[labels]
    return coloured
