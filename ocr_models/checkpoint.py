"""Checkpoints: written atomically, and read without running any code that a file may contain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ocr_models.files import atomic_write


class CheckpointError(ValueError):
    """A checkpoint that cannot be used. The message is one line that names the file."""


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors, numbers, strings, lists and dicts. An older file stays until the new one is whole.

    Raises:
        OSError: if the file cannot be written.
    """
    try:
        with atomic_write(path) as file:
            torch.save(dict(content), file)
    except RuntimeError as error:  # what torch raises if the disk is full
        raise OSError(f"{path}: {str(error).splitlines()[0]}") from error


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU, with weights_only=True.

    Raises:
        CheckpointError: if the file is not a checkpoint.
        OSError: if the file cannot be read.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file makes torch's unpickler fail in many ways
        # torch's own message would recommend to read the file unsafely.
        raise CheckpointError(
            f"{path} is not a checkpoint that can be read safely: "
            "it must be complete and contain only tensors and plain values"
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f"{path} contains a {type(checkpoint).__name__}, not a dict of weights")
    return checkpoint
