"""Weights in the format of the authors' implementation of PSENet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from ocr_models.checkpoint import load_checkpoint, load_weights
from ocr_models.errors import shown


def load_official_state_dict(model: nn.Module, state_dict: Mapping[str, Any]) -> None:
    """Load weights in the format of the authors' implementation.

    Args:
        model: a PSENet of the same backbone and widths.
        state_dict: the entries, or a checkpoint with the entries under `state_dict`; keys may start with `module.`.

    Raises:
        ValueError: if a key is missing, unexpected or given twice, or an entry is not a tensor, has another shape or is
            not finite; the message names them. The model is unchanged.
    """
    load_weights(model, state_dict)  # the modules have the names of that implementation


def load_official_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint file of the authors' implementation, without running any code that it may contain.

    Raises:
        ValueError: if the file is not a checkpoint, or does not fit the model.
        OSError: if it cannot be read.
    """
    checkpoint = load_checkpoint(path)
    try:
        load_official_state_dict(model, checkpoint)
    except ValueError as error:
        raise ValueError(f"{shown(path)}: {error}") from error
