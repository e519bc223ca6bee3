"""Weights in the format of the implementation that the recipe follows: clovaai/deep-text-recognition-benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ocr_models.checkpoint import load_weights


def load_reference_state_dict(model: nn.Module, state_dict: Mapping[str, Any]) -> None:
    """Load weights in the format of clovaai/deep-text-recognition-benchmark.

    Args:
        model: a CRNN of the same backbone, classes and channels.
        state_dict: the entries, or a checkpoint with the entries under `state_dict`; keys may start with `module.`.

    Raises:
        ValueError: if a key is missing, unexpected or given twice, or an entry is not a tensor, has another shape or is
            not finite; the message names them. The model is unchanged.
    """
    load_weights(model, state_dict)  # the modules have the names of that implementation
