"""Weights in the format of another implementation of a detector whose names of modules are ours, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ocr_models.checkpoint import weights_misfit


def load_published_state_dict(model: nn.Module, state_dict: Mapping[str, Any]) -> None:
    """Load the weights if all of them fit.

    Args:
        model: the network that gets them.
        state_dict: the entries, or a checkpoint with the entries under `state_dict`; keys may start with `module.`.

    Raises:
        ValueError: if a key is missing, unexpected or given twice, or a tensor has another shape or is not finite; the
            message names them. The model is unchanged.
    """
    given = state_dict.get("state_dict", state_dict)
    if not isinstance(given, Mapping):
        raise ValueError(f"the weights do not fit the model: `state_dict` is {type(given).__name__}, not a dict")
    entries = {key.removeprefix("module.") if isinstance(key, str) else key: value for key, value in given.items()}
    if len(entries) < len(given):
        raise ValueError("the weights do not fit the model: some are given twice, with and without `module.`")
    if (misfit := weights_misfit(model.state_dict(), entries)) is not None:
        raise ValueError(f"the weights do not fit the model: {misfit}")
    model.load_state_dict(entries)
