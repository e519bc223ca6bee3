from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.harness.protocol import machine
from benchmarks.harness.protocol.machine import available_cores
from suite import ROOT


def test_the_root_is_the_checkout() -> None:
    assert machine.ROOT == ROOT


def test_a_process_may_use_at_least_one_core() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 16), ("400000 100000", 4), ("50000 100000", 1), ("3200000 100000", 16), ("", 16), (None, 16)],
)
def test_the_quota_of_the_control_group_limits_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, cores: int
) -> None:
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(machine, "Path", lambda _: tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert available_cores() == cores
