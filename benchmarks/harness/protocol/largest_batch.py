"""What the search for the largest batch and its ranks exchange, and the memory that a try may use."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from benchmarks.harness.protocol.control_groups import ControlGroups

AVAILABLE_SHARE = 0.8
"""Of the memory that is available to the processes of a try. The rest is for their loader processes, for pytest and for
the page cache, so that the system neither swaps nor ends a process.
"""

MemorySource = Literal["gpu", "option", "control_group", "available_memory"]


class LargestBatchParameters(Struct, frozen=True):
    """Of a try.

    Attributes:
        memory_limit_bytes: of one process; None for all that its GPU has.
        memory_limit_source: where the limit comes from.
    """

    memory_limit_bytes: int | None
    memory_limit_source: MemorySource


class LargestBatchReport(Struct, frozen=True):
    """Of a rank that has trained.

    Attributes:
        memory_limit_bytes: of this process.
        free_bytes: of the GPU's memory, as the process began to train; None on the CPU.
    """

    memory_limit_bytes: int
    free_bytes: int | None


def memory_limit(device: str, asked_bytes: int | None, processes: int) -> LargestBatchParameters:
    """The limit of each of `processes` processes of one machine, which share its memory evenly on the CPU.

    `asked_bytes` is --ocr-memory-limit: of a GPU, or of all processes on the CPU, where the limit is at most a share of
    what is available.
    """
    if device == "cuda":
        return LargestBatchParameters(asked_bytes, "gpu" if asked_bytes is None else "option")
    limits: dict[MemorySource, int] = {}
    if asked_bytes is not None:
        limits["option"] = asked_bytes
    if (group := ControlGroups.of().available_memory_bytes()) is not None:
        limits["control_group"] = int(AVAILABLE_SHARE * group)
    if (available := available_memory_bytes()) is not None:
        limits["available_memory"] = int(AVAILABLE_SHARE * available)
    source = min(limits, key=lambda each: limits[each])
    return LargestBatchParameters(max(1, limits[source] // processes), source)


def available_memory_bytes(proc: Path = Path("/proc")) -> int | None:
    """Memory that processes can get without swapping, as the kernel estimates it; None if it does not say."""
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found and found[0].isdigit() else None
