"""Memory of a process: resident now, its peak since a reset, and what malloc has given out."""

from __future__ import annotations

import ctypes
import multiprocessing
import resource
import threading
from functools import cache
from pathlib import Path
from typing import Literal

import torch

RESET_PEAK = "5"  # what /proc/PID/clear_refs takes to reset VmHWM
SAMPLE_SECONDS = 0.005
TRIED_BYTES = 2**23
SLACK_BYTES = 2**24  # the kernel counts pages per CPU and adds them up now and then


def resident_bytes() -> int:
    """Of this process, now."""
    found = status_bytes("VmRSS")
    return run_peak_bytes() if found is None else found


def run_peak_bytes() -> int:
    """Peak resident memory of this process, since its start or since the last reset of its peak."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def loader_peak_bytes() -> int | None:
    """Sum of the peaks of this process's loader processes. Pages that they share with it count in each of them."""
    peaks = [status_bytes("VmHWM", child.pid or 0) for child in multiprocessing.active_children()]
    return None if None in peaks else sum(each for each in peaks if each is not None)


def status_bytes(name: str, pid: int | str = "self") -> int | None:
    """A figure of /proc/PID/status, which has kB; None if it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith(f"{name}:")), "")
    figure = line.partition(":")[2].split()
    return int(figure[0]) * 1024 if figure and figure[0].isdigit() else None


class ResidentPeak:
    """The peak resident memory of this process since the last `restart`.

    The kernel counts it if it lets a process reset it; else a thread samples it and may miss a short peak.

    Attributes:
        source: "kernel" or "samples".
    """

    def __init__(self) -> None:
        self.source: Literal["kernel", "samples"] = "kernel" if _kernel_resets_peak() else "samples"
        self._most = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        if self.source == "samples":
            threading.Thread(target=self._sample, name="resident-memory", daemon=True).start()

    def restart(self) -> None:
        if self.source == "kernel":
            _reset_peak()
        with self._lock:
            self._most = resident_bytes()

    def bytes(self) -> int:
        found = status_bytes("VmHWM") if self.source == "kernel" else None
        return max(self._most, resident_bytes()) if found is None else found

    def close(self) -> None:
        """No more samples."""
        self._ended.set()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            with self._lock:  # a sample from before a restart must not count after it
                self._most = max(self._most, resident_bytes())


def _reset_peak() -> None:
    """Raises OSError if the kernel does not allow it."""
    Path("/proc/self/clear_refs").write_text(RESET_PEAK, encoding="ascii")


def _kernel_resets_peak() -> bool:
    try:
        _reset_peak()
    except OSError:
        return False
    peak, now = status_bytes("VmHWM"), status_bytes("VmRSS")
    return peak is not None and now is not None and peak <= now + SLACK_BYTES


class _MallocInfo(ctypes.Structure):
    """glibc's struct mallinfo2, of all arenas."""

    _fields_ = [  # as ctypes wants it
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks"),
            "keepcost",
        )
    ]


def malloc_bytes() -> int | None:
    """What malloc has given out in this process and nobody has freed; None if malloc is not glibc's."""
    return _in_use() if _malloc_is_glibcs() else None


def trim_malloc() -> None:
    """Give back to the system what malloc holds and nobody uses."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def _in_use() -> int | None:
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)  # since glibc 2.33
    if function is None:
        return None
    function.restype = _MallocInfo
    found = function()
    return int(found.uordblks + found.hblkhd)


@cache
def _malloc_is_glibcs() -> bool:
    """Whether its figures contain a tensor: another allocator, such as jemalloc, may have been preloaded."""
    before = _in_use()
    tensor = torch.empty(TRIED_BYTES, dtype=torch.uint8)
    after = _in_use()
    return before is not None and after is not None and after - before >= tensor.nbytes // 2
