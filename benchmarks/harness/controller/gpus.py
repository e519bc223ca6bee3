"""Which CUDA GPUs there are, by NVML: without torch, and without initialising CUDA in the pytest process."""

from __future__ import annotations

import os

import pynvml

from benchmarks.cases import Case


def cuda_gpu_count() -> int:
    """Number of CUDA GPUs that a process started from here would see; 0 without a driver."""
    try:
        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return count
    usable: set[str] = set()
    for entry in map(str.strip, visible.split(",")):
        known = int(entry) < count if entry.isdigit() else entry.startswith(("GPU-", "MIG-"))
        if not known or entry in usable:
            break  # CUDA ignores the first entry that is not a GPU and everything after it
        usable.add(entry)
    return min(len(usable), count)


def missing_gpus(case: Case, nodes: int = 1) -> str | None:
    """Why a case cannot run on this machine as one of `nodes` nodes; None if it can."""
    if case.processes % nodes:
        return f"{case.processes} processes cannot be divided among {nodes} nodes"
    needed = case.gpu_count // nodes
    if needed <= (found := cuda_gpu_count() if needed else 0):
        return None
    return f"needs {needed} CUDA GPU{'s' if needed > 1 else ''}{' a node' if nodes > 1 else ''}, found {found}"
