"""The label maps of PSENet in one byte per pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pack_targets(
    gt_text: NDArray[np.uint8], gt_kernels: NDArray[np.uint8], training_mask: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The eight 0/1 maps in one (H, W) uint8: bit 0 text, bits 1 to 6 the kernels, largest first, bit 7 the mask."""
    maps = np.concatenate((gt_text[None], gt_kernels, training_mask[None]))  # (8, H, W)
    packed: NDArray[np.uint8] = np.packbits(maps, axis=0, bitorder="little")[0]
    return packed
