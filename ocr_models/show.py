"""Draw the predictions of a trained model into one PNG: `python -m ocr_models.show CHECKPOINT`.

What the picture shows is the model's choice: `Model.show` (docs/adding-a-model.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from ocr_models import BROKEN_MODELS, MODELS, Model
from ocr_models.checkpoint import CheckpointError, load_checkpoint, load_weights
from ocr_models.errors import DataError, shown
from ocr_models.files import atomic_write
from ocr_models.picture import Picture, Show
from ocr_models.task import Split, TrainingTask, build_task

DOTS_PER_INCH = 100
TITLE_INCHES = 0.3


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit codes: 0, or 2 if the input is bad."""
    options = _parse(arguments)
    output = options.output
    try:
        checkpoint = load_checkpoint(options.checkpoint)
        name = options.model or model_name(checkpoint, options.checkpoint)
        output = output or Path(f"{name}.png")
        show = _show_of(name, options.checkpoint)
        task = trained_task(name, checkpoint, options.checkpoint)
        folder = options.data or MODELS[name].make_synthetic_data(convergence=True)
        data = task.read_data(folder, options.split or _scored_split(name))
        write_picture(show(task, data, options.images, options.count), output)
    except (CheckpointError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {shown(error.filename or output)}: {shown(error.strerror or error)}", file=sys.stderr)
        return 2
    print(output)
    return 0


def model_name(checkpoint: dict[str, Any], path: Path) -> str:
    """The name of the model that a checkpoint is of, a key of `MODELS`.

    Raises:
        CheckpointError: if the checkpoint names no model, or one that is not known or cannot be loaded.
    """
    known = ", ".join(MODELS)
    if "model" not in checkpoint:
        raise CheckpointError(f"{shown(path)} does not say of which model it is: add --model NAME, one of: {known}")
    name = checkpoint["model"]
    if isinstance(name, str) and name in BROKEN_MODELS and name not in MODELS:
        raise CheckpointError(f"{shown(path)} is of the model {name}: {BROKEN_MODELS[name]}")
    if not isinstance(name, str) or name not in MODELS:
        raise CheckpointError(f"{shown(path)} is of an unknown model, {_described(name)}; known: {known}")
    return name


def _scored_split(name: str) -> Split:
    goal = MODELS[name].convergence
    return "test" if goal is None else goal.scored_split


def _show_of(name: str, path: Path) -> Show:
    show = MODELS[name].load_show()
    if show is None:
        raise CheckpointError(f"{shown(path)}: the model {name} has nothing to show")
    return show


def trained_task(name: str, checkpoint: dict[str, Any], path: Path) -> TrainingTask:
    """The training task of a model with the weights of a checkpoint, on the GPU if there is one.

    Raises:
        CheckpointError: if image size or weights do not fit the model.
    """
    model = MODELS[name]
    image_size = _image_size(model, checkpoint, path)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task = build_task(model.load_task_builder(), image_size=image_size, seed=0, device=device, precision="fp32")
    try:
        load_weights(task.model, checkpoint)
    except ValueError as error:
        raise CheckpointError(f"{shown(path)}: {error}") from error
    return task


def _image_size(model: Model, checkpoint: dict[str, Any], path: Path) -> int | None:
    """The side of the training image. A checkpoint that has none is of the size that the model has on a GPU."""
    sizes = model.image_sizes
    image_size = checkpoint.get("image_size", None if sizes is None else sizes.cuda)
    is_accepted = image_size is None if sizes is None else type(image_size) is int and sizes.accepts(image_size)
    if not is_accepted:
        rule = "None: the model has a fixed input size" if sizes is None else sizes.rule
        raise CheckpointError(f"{shown(path)}: its image size is {_described(image_size)}, not {rule}")
    return image_size


def _described(value: object) -> str:
    """A value of a checkpoint; of a nested one or a tensor only its type."""
    return shown(repr(value), 80) if isinstance(value, str | int | float) else type(value).__name__


def write_picture(picture: Picture, path: Path) -> None:
    """Draw the panels into a PNG.

    Raises:
        OSError: if it cannot be written. An older file then stays as it is.
    """
    width, height = picture.panel_inches
    rows = -(-len(picture.panels) // picture.columns)
    room = TITLE_INCHES if picture.title else 0.0
    figure = Figure((picture.columns * width, rows * height + room), layout="constrained")
    if picture.title:
        figure.suptitle(picture.title, fontsize="medium", parse_math=False)
    axes = np.ravel(figure.subplots(rows, picture.columns))  # (rows * columns,)
    for place in axes:
        place.set_axis_off()
    for panel, place in zip(picture.panels, axes, strict=False):  # the last row may have places without a panel
        place.set_title(panel.title, fontsize="small", parse_math=False)
        is_map = panel.pixels.ndim == 2
        place.imshow(panel.pixels, cmap="magma", vmin=0, vmax=1) if is_map else place.imshow(panel.pixels)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=DOTS_PER_INCH)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ocr_models.show", description="Draw the predictions of a trained model into one PNG."
    )
    add = parser.add_argument
    add("checkpoint", type=Path, help="for example logs/convergence/<case>/checkpoint.pt")
    add("images", nargs="*", metavar="IMAGE", help="names, for example img_3; default: chosen by the model")
    add("--count", type=int, help="number of images if none is named; default: chosen by the model")
    add("--data", type=Path, help="folder of a data set; default: the synthetic set of the model's convergence case")
    add("--split", choices=("train", "test"), help="default: the one that the model's convergence case scores")
    add("--output", type=Path, help="the PNG; default: the name of the model, for example psenet.png")
    names = ", ".join(MODELS)
    add("--model", metavar="NAME", choices=list(MODELS), help=f"default: as the checkpoint says; one of: {names}")
    options = parser.parse_intermixed_args(arguments)  # names may follow options
    if options.count is not None and options.count < 1:
        parser.error(f"argument --count: {options.count} is not a positive number")
    return options


if __name__ == "__main__":
    sys.exit(main())
