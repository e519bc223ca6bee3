"""Maps of flags, and counts of their pixels as the device counts fastest."""

from __future__ import annotations

import torch
from torch import Tensor


def as_bool(mask: Tensor) -> Tensor:
    """A map of 0 and 1 of any type -> bool."""
    return mask > 0.5 if mask.is_floating_point() else mask.bool()


def on_accelerator(tensor: Tensor) -> bool:
    """Whether to compute as on a GPU: everything at once, without reading values. True under a compiler as well."""
    return tensor.device.type != "cpu" or torch.compiler.is_compiling()


def _eager_on_gpu(tensor: Tensor) -> bool:
    """Whether each operation is a pass over the memory of a GPU; a compiler joins them."""
    return tensor.device.type == "cuda" and not torch.compiler.is_compiling()


def count_pixels(mask: Tensor) -> Tensor:
    """Number of True pixels of each map: (..., H, W) bool -> (...), as of `count_both`."""
    return count_both(mask, mask)


def count_both(a: Tensor, b: Tensor) -> Tensor:
    """Number of pixels that are True in both.

    Args:
        a: (..., H, W) bool.
        b: bool, of a shape that can be expanded to that of `a`.

    Returns:
        (...), int32, or float32 that holds integers.
    """
    if not counts_in_half(a, a.shape[-2] * a.shape[-1]):
        return (a & b).sum((-2, -1), dtype=torch.int32)
    flags = torch.logical_and(a, b, out=torch.empty(a.shape, dtype=torch.float16, device=a.device))
    return flags.sum((-2, -1), dtype=torch.float32)


def counts_in_half(flags: Tensor, most: int) -> bool:
    """Whether to count flags up to `most` in floats: a GPU first writes them as 32-bit integers to sum bytes, but sums
    half precision in float32 directly, which is exact up to 2^24.
    """
    return _eager_on_gpu(flags) and most <= 2**24
