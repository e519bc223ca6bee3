"""Loops as machine code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """A function compiled by numba on its first call. The machine code is kept for later runs.

    numba is imported here because its import takes long.
    """
    import numba

    njit: Any = numba.njit  # its result has a type that is not callable
    try:
        machine_code: Callable[..., Any] = njit(cache=True)(loop)
    except RuntimeError:  # numba found no writable folder for the machine code
        machine_code = njit(loop)
    return machine_code
