"""What makes the host wait for the GPU is seen: in the measured steps, or in the traced steps after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nullcuda.conftest import OnDevice
from tests.nullcuda.process import DeviceProcess


@pytest.fixture(scope="module")
def on_device(null_device: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDevice]:
    """A process of its own: torch's hooks stay active in it."""
    process = DeviceProcess(null_device, tmp_path_factory.mktemp("waits") / "log")
    yield process.call
    process.stop()


@pytest.mark.parametrize(
    ("call", "in_window", "in_trace"),
    [
        ("nothing", 0, 0),
        ("pinned copy", 0, 0),
        ("item", 1, 1),
        ("fifty items", 50, 50),
        ("item in backward", 1, 1),
        ("item in a thread", 1, 1),
        ("item without warnings", 0, 1),
        ("cpu", 1, 1),
        ("pageable copy", 1, 1),
        ("tensor of a number", 1, 1),
        ("synchronize", 1, 1),
        ("synchronize in a thread", 1, 1),
        ("accelerator", 1, 1),
        ("stream", 1, 1),
        ("event", 1, 1),
        ("event of any device", 0, 1),
        ("empty_cache", 1, 0),
        # CUDA's profiler sees them, but it reports nothing of this device: docs/failures.md, "Waiting for the GPU".
        ("pageable copy, non_blocking", 0, 0),
        ("into pageable memory, non_blocking", 0, 0),
    ],
)
def test_a_wait_is_seen(on_device: OnDevice, call: str, in_window: int, in_trace: int) -> None:
    assert tuple(on_device("waits:seen", call)) == (in_window, in_trace)


def test_a_batch_must_be_pinned(on_device: OnDevice) -> None:
    good, pageable, on_gpu, part, empty = on_device("waits:pinned")
    assert (good, part, empty) == ("", "", "")
    assert pageable.startswith("part 2 of a batch, a tensor of float32 on cpu (strided), is not in pinned memory")
    assert on_gpu.startswith("part 2 of a batch, a tensor of float32 on cuda:0 (strided), is not in pinned memory")
