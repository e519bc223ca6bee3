from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.protocol import largest_batch
from benchmarks.harness.protocol.control_groups import ControlGroups
from benchmarks.harness.protocol.largest_batch import LargestBatchParameters, available_memory_bytes, memory_limit

GIB = 2**30


@pytest.mark.parametrize(
    ("asked", "group", "processes", "limit", "source"),
    [
        (None, None, 1, 8 * GIB, "available_memory"),
        (None, 5 * GIB, 1, 4 * GIB, "control_group"),
        (None, 50 * GIB, 1, 8 * GIB, "available_memory"),
        (6 * GIB, None, 1, 6 * GIB, "option"),
        (6 * GIB, None, 2, 3 * GIB, "option"),
        (6 * GIB, 5 * GIB, 1, 4 * GIB, "control_group"),
        (60 * GIB, None, 1, 8 * GIB, "available_memory"),
    ],
)
def test_on_the_cpu_the_lowest_limit_is_shared_by_the_processes(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, group: int | None, processes: int, limit: int, source: str
) -> None:
    monkeypatch.setattr(largest_batch, "available_memory_bytes", lambda: 10 * GIB)
    monkeypatch.setattr(ControlGroups, "available_memory_bytes", lambda _: group)
    found = memory_limit("cpu", asked, processes)
    assert (found.memory_limit_bytes, found.memory_limit_source) == (limit, source)


def test_a_gpu_has_its_own_memory_unless_a_limit_is_asked_for() -> None:
    assert memory_limit("cuda", None, 8) == LargestBatchParameters(None, "gpu")
    assert memory_limit("cuda", 6 * GIB, 8) == LargestBatchParameters(6 * GIB, "option")


def test_what_is_available_is_the_kernels_estimate(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  2000 kB\nMemAvailable:  1000 kB\n")
    assert available_memory_bytes(tmp_path) == 1000 * 1024
    assert available_memory_bytes(tmp_path / "none") is None
