"""Tensors in words."""

from __future__ import annotations

from torch import Tensor


def dtype_name(tensor: Tensor) -> str:
    """For example "float32"."""
    return str(tensor.dtype).removeprefix("torch.")
