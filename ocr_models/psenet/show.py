"""Draw the predictions of a trained PSENet: `python -m ocr_models.psenet.show CHECKPOINT`.

The picture has a block of panels per image: the image with its ground truth, the seven predicted maps, the label map
that results from expanding the kernels, and the text boxes found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ocr_models import MODELS
from ocr_models.checkpoint import CheckpointError, load_checkpoint
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError, shown
from ocr_models.files import atomic_write
from ocr_models.psenet.inference import TextDetector
from ocr_models.psenet.model import NUM_MAPS, PSENet
from ocr_models.psenet.official_weights import load_official_state_dict
from ocr_models.psenet.postprocessing import full_size_maps, label_texts

if TYPE_CHECKING:
    from ocr_models.detection.pages import AnnotatedImage

ROWS, COLUMNS = 2, 5
PANEL_INCHES = (3.2, 2.0)
GREEN, GREY, RED = (40, 220, 60), (150, 150, 150), (255, 60, 40)
MAP_TITLES = ("text map", *(f"kernel {number}" for number in range(1, NUM_MAPS)))


def show(detector: TextDetector, images: Sequence[AnnotatedImage], path: Path) -> None:
    """Draw the panels of each image into one PNG.

    Raises:
        DataError: if an image cannot be read.
        OSError: if the picture cannot be written.
    """
    width, height = PANEL_INCHES
    figure = Figure((COLUMNS * width, ROWS * height * len(images)), layout="constrained")
    axes = np.asarray(figure.subplots(ROWS * len(images), COLUMNS)).reshape(len(images), ROWS * COLUMNS)
    for image, own_axes in zip(images, axes, strict=True):
        panels = _panels(detector, image)
        for (title, pixels), panel in zip(panels, own_axes, strict=True):
            panel.set_axis_off()
            panel.set_title(title, fontsize="small")
            panel.imshow(pixels, cmap="magma", vmin=0, vmax=1) if pixels.ndim == 2 else panel.imshow(pixels)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=100)


def _panels(detector: TextDetector, annotated: AnnotatedImage) -> list[tuple[str, NDArray[Any]]]:
    """Titles with images (H, W, 3) uint8 or probabilities (H, W)."""
    image = annotated.load()  # (H, W, 3)
    size = detector.network_size((image.shape[0], image.shape[1]))
    maps = full_size_maps(detector.logits(image), size)  # (7, H, W)
    boxes = [box.polygon for box in detector(image)]
    colours = [GREY if ignored else GREEN for ignored in annotated.ignored]
    probabilities = 1 / (1 + np.exp(-np.clip(maps, -30, 30)))
    return [
        (f"{annotated.path.stem}: ground truth", _outlined(image, annotated.polygons, colours)),
        *zip(MAP_TITLES, probabilities, strict=True),
        ("labels", _coloured(label_texts(maps))),
        (f"{len(boxes)} boxes", _outlined(image, boxes, [RED] * len(boxes))),
    ]


def _outlined(
    image: NDArray[np.uint8], polygons: Sequence[NDArray[Any]], colours: Sequence[tuple[int, int, int]]
) -> NDArray[np.uint8]:
    drawn: NDArray[np.uint8] = image.copy()
    for polygon, colour in zip(polygons, colours, strict=True):
        points = np.rint(polygon).astype(np.int32)
        cv2.polylines(drawn, [points], isClosed=True, color=colour, thickness=max(2, image.shape[1] // 400))
    return drawn


def _coloured(labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(H, W) -> (H, W, 3): black background, a different colour for each text."""
    palette = np.random.default_rng(0).integers(80, 256, (int(labels.max()) + 1, 3), np.uint8)
    palette[0] = 0
    coloured: NDArray[np.uint8] = palette[labels]
    return coloured


def load_detector(checkpoint_path: Path, device: torch.device) -> TextDetector:
    """The detector of a convergence case's checkpoint, or of a checkpoint of the authors' implementation.

    Raises:
        CheckpointError: if the file is not a checkpoint of a PSENet.
        OSError: if it cannot be read.
    """
    checkpoint, place = load_checkpoint(checkpoint_path), shown(checkpoint_path)
    name, image_size = checkpoint.get("model", "psenet"), checkpoint.get("image_size", 736)
    if not isinstance(name, str) or name not in MODELS:
        raise CheckpointError(f"{place} is of an unknown model, {_described(name)}; known: {', '.join(MODELS)}")
    sizes = MODELS[name].image_sizes
    if sizes is not None and (type(image_size) is not int or not sizes.accepts(image_size)):
        raise CheckpointError(f"{place}: its image size is {_described(image_size)}, not {sizes.rule}")
    model = MODELS[name].load_task_builder()(image_size=image_size, seed=0, device=device).model
    if not isinstance(model, PSENet):
        raise CheckpointError(f"{place} is of {name}, which is not a PSENet: it has no kernels to show")
    try:
        load_official_state_dict(model, checkpoint)
    except ValueError as error:
        raise CheckpointError(f"{place}: {error}") from error
    return TextDetector(model, short_side=image_size)


def _described(value: object) -> str:
    """A value of a checkpoint; of a nested one or a tensor only its type."""
    return shown(repr(value), 80) if isinstance(value, str | int | float) else type(value).__name__


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
            raise DataError(f"no image {shown(name)}; there are {images[0].path.stem} to {images[-1].path.stem}")
    return [by_name[name] for name in names]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0, or 2 if the input is bad."""
    options = _parse(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        data = options.data or MODELS["psenet"].make_synthetic_data()
        images = choose_images(read_annotated_set(data, options.split).images, options.images, options.count)
        show(load_detector(options.checkpoint, device), images, options.output)
    except (CheckpointError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {shown(error.filename or options.output)}: {shown(error.strerror or error)}", file=sys.stderr)
        return 2
    print(options.output)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ocr_models.psenet.show", description="Draw the predictions of a trained PSENet into one PNG."
    )
    parser.add_argument("checkpoint", type=Path, help="for example logs/convergence/<case>/checkpoint.pt")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="names, for example img_3; default: the first ones")
    parser.add_argument("--count", type=int, default=3, help="number of images if none is named (default: 3)")
    parser.add_argument("--data", type=Path, help="folder of annotated images; default: the synthetic set")
    parser.add_argument("--split", choices=("train", "test"), default="test", help="default: test")
    parser.add_argument("--output", type=Path, default=Path("psenet.png"), help="default: psenet.png")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"argument --count: {options.count} is not a positive number")
    return options


if __name__ == "__main__":
    sys.exit(main())
