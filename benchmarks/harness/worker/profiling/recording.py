"""Runs torch's profiler and exports what it recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from benchmarks.harness.worker.clock import wait_for
from benchmarks.harness.worker.profiling.waits import RANGE

KEPT_OF_TRACE = ("schemaVersion", "deviceProperties", "displayTimeUnit", "traceEvents")
"""Top-level entries of a trace; the others name folders and hosts."""

KEPT_ARGUMENTS = (
    *("External id", "correlation", "device", "context", "stream", "queued", "grid", "block", "bytes"),
    *("shared memory", "registers per thread", "blocks per SM", "warps per SM", "est. achieved occupancy %"),
    *("memory bandwidth (GB/s)", "Sequence number", "Fwd thread id", "Input Dims", "Input type"),
    *("name", "labels", "sort_index", "Collective name", "In msg nelems", "Out msg nelems", "Group size", "dtype"),
)
"""Of an event in a trace."""


def activities(device: torch.device) -> list[ProfilerActivity]:
    """What the profiler observes of steps on a device."""
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]


def start_up(device: torch.device) -> None:
    """Let the profiler prepare itself, which may take seconds at its first use."""
    with profile(activities=activities(device)):
        wait_for(device)


@contextmanager
def recording(device: torch.device, settle: Callable[[], None]) -> Iterator[profile]:
    """Record the block, which must wait for the device before it ends. `settle` runs before it, with a profiler that
    records nothing yet.
    """
    plan = schedule(wait=0, warmup=1, active=1)
    with profile(activities=activities(device), schedule=plan, record_shapes=True, acc_events=True) as profiler:
        settle()
        wait_for(device)
        profiler.step()
        yield profiler


def in_range(action: Callable[[], None]) -> None:
    """Take the steps that are to be found in the trace."""
    with record_function(RANGE):
        action()


def export(write: Callable[[str], object], folder: Path | None = None) -> bytes:
    """The trace as JSON. `write` writes it to a file of the name that it gets, in this folder or in TMPDIR."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        raw = Path(temporary) / "trace.json"
        write(str(raw))
        return raw.read_bytes()


def stripped(trace: bytes) -> dict[str, Any]:
    """A trace for others: without what names this machine, and without arguments of its events that may."""
    document: dict[str, Any] = msgspec.json.decode(trace, strict=False)
    for event in document["traceEvents"]:
        if isinstance(arguments := event.get("args"), dict):
            event["args"] = {name: arguments[name] for name in KEPT_ARGUMENTS if name in arguments}
    return {name: document[name] for name in KEPT_OF_TRACE if name in document}
