"""Numbers of errors, to plant on the device."""

from __future__ import annotations

from enum import IntEnum


class CudaError(IntEnum):
    """Errors of the CUDA runtime, for `plant`. Those from ECC_UNCORRECTABLE on destroy the context."""

    MEMORY_ALLOCATION = 2
    NO_DEVICE = 100
    DEVICES_UNAVAILABLE = 46
    ECC_UNCORRECTABLE = 214
    ILLEGAL_ADDRESS = 700
    ASSERT = 710
    MISALIGNED_ADDRESS = 716
    LAUNCH_FAILURE = 719
