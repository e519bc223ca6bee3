"""A snapshot of torch's allocator for PyTorch's memory_viz, without paths of this machine."""

from __future__ import annotations

import pickle
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.protocol.machine import ROOT
from benchmarks.harness.protocol.memory_report import Snapshot
from ocr_models.errors import shown
from ocr_models.files import atomic_write

STEPS = 2
MAX_ENTRIES = 50_000
"""Allocations and releases; older ones are dropped. A step has some thousand."""

MAX_BYTES = 64 * 2**20
KEPT = ("segments", "device_traces", "allocator_settings")
"""Parts of a snapshot that memory_viz reads."""

PACKAGES = ("site-packages", "dist-packages")
FREE_TEXTS = ("user_metadata", "compile_context", "fx_original_trace", "fx_node_name")
"""Fields that hold whatever a program has written there."""


def snapshot(path: Path, step: Callable[[], object]) -> tuple[Snapshot | None, str | None]:
    """Record some steps and write the file; and why there is none. To be called last: it makes steps slow.

    The steps are taken in any case: other ranks take them, too. Their errors are those of the case.
    """
    problem = _tried(lambda: _record("all", context="alloc", stacks="python", max_entries=MAX_ENTRIES))
    for _ in range(STEPS):
        step()
    written: list[Snapshot] = []
    if problem is None:
        problem = _tried(lambda: written.append(_write(path)))
    _tried(lambda: _record(None))
    return (written[0], None) if written else (None, problem)


def _tried(action: Callable[[], object]) -> str | None:
    """Why it failed: torch's functions for this are private and may change, and a disk may be full."""
    try:
        action()
    except Exception as error:
        return shown(f"it cannot be written: {one_line(error)}")
    return None


def _record(*arguments: Any, **options: Any) -> None:
    torch.cuda.memory._record_memory_history(*arguments, **options)


def _write(path: Path) -> Snapshot:
    """Raises ValueError if the file would be too large."""
    found = torch.cuda.memory._snapshot()
    recorded = {name: found[name] for name in KEPT if name in found}
    without_paths(recorded)
    content = pickle.dumps(recorded, protocol=4)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has {len(content)} bytes, more than {MAX_BYTES}")
    with atomic_write(path) as file:
        file.write(content)
    return Snapshot(path.name, len(content), STEPS, sum(len(trace) for trace in recorded["device_traces"]))


def without_paths(recorded: dict[str, Any]) -> None:
    """Replace the file names of all stack frames, in place: equal stacks are one object, which keeps the file small."""
    done: set[int] = set()
    for entry in _entries(recorded):
        for name in FREE_TEXTS:
            entry.pop(name, None)
        for frame in entry.get("frames", ()):
            if id(frame) not in done:
                done.add(id(frame))
                frame["filename"] = shown_file(str(frame.get("filename", "")))
                for name in FREE_TEXTS:
                    frame.pop(name, None)


def _entries(recorded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever has stack frames."""
    for trace in recorded.get("device_traces", ()):
        yield from trace
    for segment in recorded.get("segments", ()):
        yield segment
        for block in segment.get("blocks", ()):
            yield block
            yield from block.get("history", ())


@cache
def shown_file(name: str) -> str:
    """A file of code, relative to the packages, to the project or to Python's library; of another file its name."""
    path = Path(name)
    for folder in PACKAGES:
        if folder in path.parts:
            return str(Path(*path.parts[len(path.parts) - path.parts[::-1].index(folder) :]))
    if path.is_relative_to(ROOT):
        return str(path.relative_to(ROOT))
    library = Path(sysconfig.get_paths()["stdlib"])
    return str(path.relative_to(library)) if path.is_relative_to(library) else path.name
