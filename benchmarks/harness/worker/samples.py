"""A small picture of what a trained model predicts, for report.html."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
from numpy.typing import NDArray

from benchmarks.harness.protocol.samples import MAX_BYTES, SAMPLES
from ocr_models import MODELS
from ocr_models.files import atomic_write
from ocr_models.task import TrainingTask

WIDTHS = (1000, 800, 600)
QUALITIES = (80, 65, 50)
"""Widths in pixels, and qualities of the JPEG: the first that fit, the width last."""


def draw_samples(model: str, task: TrainingTask, data: Any, folder: Path) -> None:
    """Draw predictions for samples of a data set, chosen by the model, into `folder`.

    Best effort: the training has ended, and a line says why there is no picture.
    """
    try:
        show = MODELS[model].load_show()
        if show is None:
            return
        from ocr_models.show import write_picture  # matplotlib takes a second, and fails for a wrong MPLBACKEND

        with TemporaryDirectory(dir=folder, prefix=".") as temporary:
            drawn = Path(temporary) / "samples.png"
            write_picture(show(task, data, (), None), drawn)
            content = small_jpeg(cv2.imread(str(drawn), cv2.IMREAD_COLOR))
        if content is None:
            print(f"no picture of samples: larger than {MAX_BYTES} bytes", flush=True)
            return
        with atomic_write(folder / SAMPLES) as file:
            file.write(content)
    except Exception as error:  # a model's own code, of any package
        print(f"no picture of samples: {type(error).__name__}: {' '.join(str(error).split())}", flush=True)


def small_jpeg(pixels: NDArray[Any] | None) -> bytes | None:
    """An image (H, W, 3) as a JPEG of at most MAX_BYTES; None if it cannot be made so small."""
    if pixels is None:
        return None
    for width in WIDTHS:
        scale = min(1.0, width / pixels.shape[1])
        scaled = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
        for quality in QUALITIES:
            encoded = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            if len(encoded) <= MAX_BYTES:
                return bytes(encoded)
    return None
