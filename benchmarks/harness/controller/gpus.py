"""Which CUDA GPUs there are, by NVML: without torch, and without initialising CUDA in the pytest process."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.cases import Case
from benchmarks.harness.controller.machine.nvml import answer, cards, initialised, is_partitioned, partitions

MAX_DIGITS = 9  # of an index


def cuda_gpu_count() -> int:
    """Number of CUDA GPUs that a process started from here would see; 0 without a driver. A process sees only one
    partition (MIG), whatever it is offered.
    """
    found = list(cards()) if initialised() else []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return _visible_count(visible, found)
    whole = sum(not is_partitioned(card) for card in found)
    return whole or min(1, sum(1 for card in found for _ in partitions(card)))


def _visible_count(visible: str, found: list[Any]) -> int:
    """CUDA ignores the first entry that is not a GPU and everything after it."""
    usable: set[str] = set()
    for entry in map(str.strip, visible.split(",")):
        if entry.isascii() and entry.isdecimal() and len(entry) <= MAX_DIGITS:
            known, partition = int(entry) < len(found), False
        else:
            partition = entry.startswith("MIG-")
            known = _has_uuid([each for card in found for each in partitions(card)] if partition else found, entry)
        if not known or entry in usable or (partition and usable):
            break
        usable.add(entry)
        if partition:
            break
    return min(len(usable), len(found))


def _has_uuid(devices: list[Any], entry: str) -> bool:
    """The beginning of a UUID is enough if it is that of one device alone."""
    if not entry.startswith(("GPU-", "MIG-")):
        return False
    begins = sum(str(answer("nvmlDeviceGetUUID", device)).startswith(entry) for device in devices)
    return begins == 1 or answer("nvmlDeviceGetHandleByUUID", entry) is not None


def missing_gpus(case: Case, nodes: int = 1) -> str | None:
    """Why a case cannot run on this machine as one of `nodes` nodes; None if it can."""
    if case.processes % nodes:
        return f"{case.processes} processes cannot be divided among {nodes} nodes"
    needed = case.gpu_count // nodes
    if needed <= (found := cuda_gpu_count() if needed else 0):
        return None
    return f"needs {needed} CUDA GPU{'s' if needed > 1 else ''}{' a node' if nodes > 1 else ''}, found {found}"
