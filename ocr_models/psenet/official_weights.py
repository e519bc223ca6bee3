"""Weights in the format of the authors' implementation of PSENet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ocr_models.checkpoint import load_checkpoint


def load_official_state_dict(model: nn.Module, state_dict: Mapping[str, Any]) -> None:
    """Load weights in the format of the authors' implementation.

    Args:
        model: a PSENet of the same backbone and widths.
        state_dict: the entries, or a checkpoint with the entries under `state_dict`; keys may start with `module.`.

    Raises:
        ValueError: if a key is missing, unexpected or has another shape; the message names all. The model is unchanged.
    """
    given = state_dict.get("state_dict", state_dict)
    if not isinstance(given, Mapping):
        raise ValueError(f"the weights do not fit the model: `state_dict` is {type(given).__name__}, not a dict")
    entries = {str(key).removeprefix("module."): value for key, value in given.items()}
    expected = {key: _form(value) for key, value in model.state_dict().items()}
    found = {key: _form(value) for key, value in entries.items()}
    misfits = {
        "missing": [key for key in expected if key not in found],
        "unexpected": [key for key in found if key not in expected],
        "of another shape": [
            f"{key} {found[key]} instead of {form}"
            for key, form in expected.items()
            if key in found and found[key] != form
        ],
    }
    if any(misfits.values()):
        named = "; ".join(f"{what}: {', '.join(keys)}" for what, keys in misfits.items() if keys)
        raise ValueError(f"the weights do not fit the model: {named}")
    model.load_state_dict(entries)


def _form(value: Any) -> str:
    """The shape of a tensor whose numbers can be copied; a description of any other value."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    if value.layout != torch.strided or value.is_meta or value.is_quantized or value.is_complex():
        return f"{value.layout} {value.dtype} on {value.device}"
    return str(tuple(value.shape))


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
        raise ValueError(f"{path}: {error}") from error
