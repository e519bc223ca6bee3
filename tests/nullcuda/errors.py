"""Numbers of errors, to plant on the device."""

from __future__ import annotations

from enum import IntEnum

EVERY = 2**40
"""`times` of an error that stays."""


class CudaError(IntEnum):
    """Of the CUDA runtime."""

    MEMORY_ALLOCATION = 2
    DEVICES_UNAVAILABLE = 46
    NO_DEVICE = 100
    ECC_UNCORRECTABLE = 214
    ILLEGAL_ADDRESS = 700
    ASSERT = 710
    MISALIGNED_ADDRESS = 716
    LAUNCH_FAILURE = 719
    UNKNOWN = 999

    @property
    def destroys_context(self) -> bool:
        """Every later call of the process fails with it."""
        return CudaError.ECC_UNCORRECTABLE <= self <= CudaError.LAUNCH_FAILURE


class CublasStatus(IntEnum):
    """Of cuBLAS."""

    NOT_INITIALIZED = 1
    ALLOC_FAILED = 3
    EXECUTION_FAILED = 13


class CudnnStatus(IntEnum):
    """Of cuDNN 9."""

    DEVICE_ALLOCATION_FAILED = 4004
    EXECUTION_FAILED = 5000
