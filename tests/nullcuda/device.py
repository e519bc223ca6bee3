"""What a process on the null CUDA device can ask it: counters, launched kernels, errors to plant."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

_DEVICE = ctypes.CDLL(None)
_DEVICE.nullcuda_names.restype = ctypes.c_char_p
_DEVICE.nullcuda_count.restype = ctypes.c_long


def reset() -> None:
    """All counters to 0; no planted error; a context that an error destroyed works again."""
    _DEVICE.nullcuda_reset()


def count(name: str) -> int:
    """Calls of a kind since `reset`; the kinds are in source/state.h."""
    found = int(_DEVICE.nullcuda_count(name.encode()))
    if found < 0:
        raise KeyError(f"{name}: the device counts {_DEVICE.nullcuda_names().decode()}")
    return found


def counts() -> dict[str, int]:
    """All counters that are not 0."""
    every = {name: count(name) for name in _DEVICE.nullcuda_names().decode().split()}
    return {name: value for name, value in every.items() if value}


def kernels() -> Counter[str]:
    """Launches of each kernel since `reset`, by its readable name."""
    with tempfile.NamedTemporaryFile() as file:
        _DEVICE.nullcuda_write_kernels(file.name.encode())
        lines = [line.split(maxsplit=1) for line in Path(file.name).read_text().splitlines()]
    names = "\n".join(name for _, name in lines)
    readable = subprocess.run(["c++filt"], input=names, capture_output=True, text=True, check=True).stdout.splitlines()
    found: Counter[str] = Counter()
    for (number, _), name in zip(lines, readable, strict=True):
        found[name] += int(number)
    return found


def plant(name: str, n: int, error: int, times: int = 1) -> None:
    """Of the later calls of a kind, the n-th (from 1) and the `times - 1` behind it fail with an error: one of the CUDA
    runtime, or the status of the library that is called. The device does kernels and copies later than it is asked to,
    so a destroyed context shows in the call behind them.
    """
    if _DEVICE.nullcuda_plant(name.encode(), ctypes.c_long(n), ctypes.c_long(times), ctypes.c_int(error)):
        raise KeyError(name)


def fill_memory() -> None:
    """CUDA reports that no memory is free; allocations succeed all the same."""
    _DEVICE.nullcuda_tell_free(ctypes.c_long(0))


def compute_nothing() -> None:
    """Until the next `reset`, optimizers have no effect either. They take time that no host spends on a GPU."""
    _DEVICE.nullcuda_compute(0)
