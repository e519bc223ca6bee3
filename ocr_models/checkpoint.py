"""Checkpoints: written whole or not at all, and read without running any code they may hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: one line that names the file."""


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors, numbers, strings, lists and dicts; an older one stays until this one is whole.

    Raises:
        OSError: where it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")  # one writer; the next one takes the place of what it left
    try:
        with open(unfinished, "wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except RuntimeError as error:  # torch's word for a disk that is full
        raise OSError(f"{path}: {str(error).splitlines()[0]}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU, with weights_only=True.

    Raises:
        CheckpointError: where the file is no checkpoint.
        OSError: where it cannot be read.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file trips torch's unpickler in any of many ways
        # torch's own words would advise to read the file unsafely.
        cause = "it must be whole, and hold tensors and plain values alone"
        raise CheckpointError(f"{path} is no checkpoint that can be read safely: {cause}") from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f"{path} holds a {type(checkpoint).__name__}, not a dict of weights")
    return checkpoint
